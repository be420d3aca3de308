"""The buttons above a page: run its notebook in Binder, in Colab or in a school's hub, or take it away.

The theme has such buttons, too. But its addresses are wrong for hosts other than GitHub, it has one branch
for all places, and what it offers for download is a notebook without the package.
"""

import os
import re
from collections.abc import Callable, Mapping
from urllib.parse import quote, urlencode

BRANCH = "main"


def settings(environment: Mapping[str, str] = os.environ) -> tuple[str, str, str]:
    """The addresses of repository and hub, and the branch for Colab; what is not set is empty.

    ``COURSE_REPOSITORY`` is the address of the course's public repository; without it there are no buttons.
    ``COURSE_JUPYTERHUB`` is that of a school's own hub with nbgitpuller, if it has one.
    ``COURSE_COLAB`` is the branch with what `make_colab` writes, if there is one: Colab opens nothing else.

    Raises
    ------
    ValueError
        If an address is not one, or Colab or a hub have nothing to open.
    """
    repository, hub, colab = (
        environment.get(f"COURSE_{name}", "").strip() for name in ("REPOSITORY", "JUPYTERHUB", "COLAB")
    )
    if not (repository or hub or colab):
        return "", "", ""
    address = re.fullmatch(r"(https?://[\w.:-]+(?:/[\w.-]+)+/[\w.-]+?)(?:\.git)?/*", repository)
    if not address:
        expected = "the address of a repository, https://host/owner/name"
        raise ValueError(f"COURSE_REPOSITORY must be {expected}, got {repository!r}")
    if hub and not re.match(r"https?://[\w.-]+", hub):
        raise ValueError(f"COURSE_JUPYTERHUB must be the address of a hub, https://host, got {hub!r}")
    if colab and not address[1].startswith("https://github.com/"):
        raise ValueError(f"COURSE_COLAB is for a repository on https://github.com, got {repository!r}")
    return address[1], hub.rstrip("/"), colab


def launch_links(notebook: str, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The addresses that open a notebook, such as "02_mlp.ipynb", by the name of the place.

    Their forms are those that the places document: https://mybinder.readthedocs.io (with the specification of
    each host in BinderHub's "Repository Providers"), https://nbgitpuller.readthedocs.io ("Options in an
    nbgitpuller URL") and Colab's own demonstration of GitHub, colab-github-demo.ipynb.
    """
    repository, hub, colab = settings(environment)
    links = {}
    if repository:
        host, _, project = repository.partition("://")[2].partition("/")
        providers = {"github.com": f"gh/{project}", "gitlab.com": f"gl/{quote(project, safe='')}"}
        where = f"{providers.get(host) or 'git/' + quote(repository, safe='')}/{BRANCH}"
        links["Binder"] = f"https://mybinder.org/v2/{where}?" + urlencode(
            {"urlpath": f"lab/tree/notebooks/{notebook}"}
        )
    if colab:
        links["Colab"] = f"https://colab.research.google.com/github/{project}/blob/{colab}/{notebook}"
    if hub:
        folder = repository.rpartition("/")[2]  # that nbgitpuller puts the repository into
        links["JupyterHub"] = f"{hub}/hub/user-redirect/git-pull?" + urlencode(
            {"repo": repository, "branch": BRANCH, "urlpath": f"lab/tree/{folder}/notebooks/{notebook}"}
        )
    return links


def buttons(page: str, size: Callable[[str], str], environment: Mapping[str, str] = os.environ) -> list[dict]:
    """The buttons as the theme takes them. `size` says how large a file of the site is, in words."""

    def link(text: str, icon: str, url: str) -> dict:
        return {"type": "link", "text": text, "icon": icon, "url": url}

    def group(tooltip: str, icon: str, members: list[dict]) -> dict:
        return {"type": "group", "tooltip": tooltip, "icon": icon, "buttons": members, "label": "our-buttons"}

    root = "../" * page.count("/")
    found, away = [], [link("The whole course …", "fas fa-box-archive", f"{root}take_away.html")]
    if page[:2].isdigit():
        archive = f"downloads/handwriting-{page}.zip"
        images = {"Binder": "binder.svg", "Colab": "colab.png", "JupyterHub": "jupyterhub.svg"}
        places = launch_links(f"{page}.ipynb", environment).items()
        if run := [link(place, f"_static/images/logo_{images[place]}", url) for place, url in places]:
            found.append(group("Run this notebook", "fas fa-rocket", run))
        away = [
            link(f"This notebook, to run ({size(archive)})", "fas fa-file-zipper", archive),
            link("Its slides", "fas fa-person-chalkboard", f"slides/{page}.html"),
            *away,
        ]
    if repository := settings(environment)[0]:
        found.append(link("", "fas fa-code-branch", repository) | {"tooltip": "The course's repository"})
    return [*found, group("Take it away", "fas fa-download", away)]
