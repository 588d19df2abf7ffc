# SPDX-License-Identifier: GPL-2.0-or-later
"""A D-Link network camera: a web page behind a login, and a mail when something moves."""
import email.message
import smtplib

from .simulator import address, main
from .web import Answer, WebDevice

# The smallest picture that is one: a GIF of one pixel.
PICTURE = bytes.fromhex("47494638396101000100800000000000ffffff2c00000000010001000002024401003b")


class DLink(WebDevice):
    """`do: motion` sends the mail; `mails` counts those that were taken."""

    port = 80
    standard = {"user": "admin", "password": "", "model": "DCS-932L", "mails": 0}
    happenings = ("motion",)

    def __init__(self):
        super().__init__()
        self._options = None

    def add_options(self, parser):
        parser.add_argument("--mail-server", metavar="HOST:PORT", type=address)
        parser.add_argument("--mail-to", metavar="ADDRESS", default="camera@kalki")
        parser.add_argument("--mail-from", metavar="ADDRESS", default="camera@dlink.example")

    def start(self, options):
        self._options = options
        super().start(options)

    def happen(self, what):
        if not self._options.mail_server:
            raise ValueError("no --mail-server")
        mail = email.message.EmailMessage()
        mail["From"], mail["To"] = self._options.mail_from, self._options.mail_to
        mail["Subject"] = f"{self.values['model']} motion detected"
        mail.set_content("The camera saw something move.\n")
        mail.add_attachment(PICTURE, maintype="image", subtype="gif", filename="motion.gif")
        try:
            with smtplib.SMTP(*self._options.mail_server, timeout=20) as server:
                server.send_message(mail)
        except smtplib.SMTPException as error:
            raise ValueError(f"the mail was not taken: {error}") from error
        self.values["mails"] += 1

    def answer(self, request):
        if request.basic() != (self.values["user"], self.values["password"]):
            return Answer("<h1>401 Unauthorized</h1>", 401,
                          headers={"WWW-Authenticate": f'Basic realm="{self.values["model"]}"'})
        path = request.path.partition("?")[0]
        if path in ("/", "/index.htm"):
            return Answer(f"<title>{self.values['model']}</title><img src=/image/jpeg.cgi>")
        if path == "/common/info.cgi":
            return Answer(f"model={self.values['model']}\r\nversion=1.14\r\nname=camera\r\n",
                          kind="text/plain")
        if path == "/image/jpeg.cgi":
            return Answer(PICTURE, kind="image/gif")
        return Answer("<h1>404 Not Found</h1>", 404)


if __name__ == "__main__":
    main(DLink(), __doc__)
