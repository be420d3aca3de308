"""The buttons that open a page of the site in Binder, Colab or a JupyterHub."""

import re


def launch_buttons(repository: str, jupyterhub: str) -> dict:
    """The theme's options for the buttons.

    Parameters
    ----------
    repository : the address of the course's public repository, or nothing: then there are no buttons.
    jupyterhub : the address of a school's own hub, if it has one.

    Raises
    ------
    ValueError
        If an address is not one, or there is a hub but no repository for it to open.
    """
    if jupyterhub and not repository:
        raise ValueError(
            "COURSE_JUPYTERHUB is set, but the hub would not know what to open; "
            "set COURSE_REPOSITORY to the address of the course's repository, too"
        )
    if not repository:
        return {}
    address = re.fullmatch(r"(https?://[\w.:-]+(?:/[\w.-]+)+/[\w.-]+?)(?:\.git)?/*", repository.strip())
    if not address:
        expected = "the address of a repository, https://host/owner/name"
        raise ValueError(f"COURSE_REPOSITORY must be {expected}, got {repository!r}")
    hub = jupyterhub.strip()
    if hub and not re.match(r"https?://[\w.-]+", hub):
        raise ValueError(f"COURSE_JUPYTERHUB must be the address of a hub, https://host, got {jupyterhub!r}")
    buttons = {"binderhub_url": "https://mybinder.org", "colab_url": "https://colab.research.google.com"}
    return {
        "repository_url": address[1],
        "repository_branch": "main",
        "path_to_docs": "notebooks",
        "use_repository_button": True,
        "launch_buttons": buttons | ({"jupyterhub_url": hub} if hub else {}),
    }
