"""The settings of JupyterHub for a class: ``make class`` starts it with them."""

import json
import os
import sys
from pathlib import Path

from jupyterhub.spawner import LocalProcessSpawner

sys.path.insert(0, str(Path(__file__).parents[1]))
from tools.classroom import (
    COURSE,
    HOMES,
    HUB,
    SETTINGS,
    TEACHER,
    inner_ports,
    limit,
    scripts,
    student_environment,
    student_path,
)

c = get_config()  # noqa: F821, JupyterHub puts it here
settings = json.loads(SETTINGS.read_text(encoding="utf-8"))
port = settings["port"]
api, inner = inner_ports(port)


class LimitedSpawner(LocalProcessSpawner):
    """Starts a student's server under the student's account, as JupyterHub does, within the memory limit."""

    def make_preexec_fn(self, name):
        if name not in (
            TEACHER,
            *settings["students"],
        ):  # whom the teacher has added in the hub, such as root
            raise ValueError(f"{name} is not of this class; make class NAMES=… adds names")
        files, become_student = limit(name, settings["memory"]), super().make_preexec_fn(name)

        def prepare():
            for file in files:
                file.write_text(str(os.getpid()))
            os.umask(0o077)
            become_student()

        return prepare


# Who may log in. First passwords are on the teacher's sheet, so nobody can be first under another's name.
c.JupyterHub.authenticator_class = "firstuseauthenticator.FirstUseAuthenticator"
c.FirstUseAuthenticator.dbm_path = str(HUB / "passwords.dbm")
c.FirstUseAuthenticator.create_users = False
c.Authenticator.allowed_users = set(settings["students"])
c.Authenticator.admin_users = {TEACHER}

# What each gets: JupyterLab under an account of their own, with limits
c.JupyterHub.spawner_class = LimitedSpawner
c.Spawner.cmd = [str(Path(scripts(), "jupyterhub-singleuser"))]
c.Spawner.environment = {
    **student_environment(len(settings["students"])),
    "PATH": student_path(),
    "JUPYTER_RUNTIME_DIR": lambda spawner: str(
        HOMES / spawner.user.name / ".k"
    ),  # the name of a socket is short
}
c.Spawner.env_keep = ["LANG"]
c.Spawner.default_url = f"/lab/tree/{COURSE}/01_preprocessing.ipynb"
c.Spawner.start_timeout = c.Spawner.http_timeout = 180  # thirty that start at once on few cores

# Where it listens. The proxy is started apart from the hub, so that it runs on while the hub restarts.
c.JupyterHub.bind_url = f"http://{settings['address']}:{port}"
c.ConfigurableHTTPProxy.should_start = False
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{api}"
c.ConfigurableHTTPProxy.auth_token = settings["proxy_token"]
c.JupyterHub.hub_ip, c.JupyterHub.hub_port = "127.0.0.1", inner

# A restart of the hub leaves the students' servers running, and finds them again.
c.JupyterHub.cleanup_servers = False
c.JupyterHub.db_url = f"sqlite:///{HUB / 'jupyterhub.sqlite'}"
c.JupyterHub.cookie_secret_file = str(HUB / "cookie_secret")

culler = [sys.executable, "-m", "jupyterhub_idle_culler", f"--timeout={round(settings['idle'] * 60)}"]
c.JupyterHub.services = [{"name": "culler", "command": culler}]
c.JupyterHub.load_roles = [
    {
        "name": "culler",
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
        "services": ["culler"],
    }
]
