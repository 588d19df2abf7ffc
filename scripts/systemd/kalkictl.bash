source <(kalkictl completion bash)
