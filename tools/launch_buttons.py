"""The buttons that open a page of the site in Binder, Colab or a JupyterHub."""

import os
import re
from collections.abc import Mapping


def launch_buttons(environment: Mapping[str, str] = os.environ) -> dict:
    """The theme's options for the buttons.

    ``COURSE_REPOSITORY`` is the address of the course's public repository; without it there are no buttons.
    ``COURSE_JUPYTERHUB`` is that of a school's own hub, if it has one.

    Raises
    ------
    ValueError
        If an address is not one, or there is a hub but no repository for it to open.
    """
    repository, hub = (
        environment.get(name, "").strip() for name in ("COURSE_REPOSITORY", "COURSE_JUPYTERHUB")
    )
    if not repository and not hub:
        return {}
    address = re.fullmatch(r"(https?://[\w.:-]+(?:/[\w.-]+)+/[\w.-]+?)(?:\.git)?/*", repository)
    if not address:
        expected = "the address of a repository, https://host/owner/name"
        raise ValueError(f"COURSE_REPOSITORY must be {expected}, got {repository!r}")
    if hub and not re.match(r"https?://[\w.-]+", hub):
        raise ValueError(f"COURSE_JUPYTERHUB must be the address of a hub, https://host, got {hub!r}")
    buttons = {"binderhub_url": "https://mybinder.org", "colab_url": "https://colab.research.google.com"}
    return {
        "repository_url": address[1],
        "repository_branch": "main",
        "path_to_docs": "notebooks",
        "use_repository_button": True,
        "launch_buttons": buttons | ({"jupyterhub_url": hub} if hub else {}),
    }
