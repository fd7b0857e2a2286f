"""What tools/setup.sh installs, by the package lists of a real apt that knows nothing but a test's own archive."""

import os
import pathlib
import subprocess

import pytest

SETUP = pathlib.Path(__file__).resolve().parent.parent / "tools" / "setup.sh"


def package(name, version, **fields):
    fields = {"Package": name, "Version": version, "Architecture": "all", "Filename": f"{name}.deb", "Size": "1",
              "SHA256": "0" * 64, **fields}
    return "".join(f"{key}: {value}\n" for key, value in fields.items()) + "\n"


@pytest.fixture
def setup(tmp_path):
    """Runs a line of shell with setup.sh's functions, where apt knows `packages` and nothing is installed."""
    def with_archive(packages, line):
        for name in ("archive", "lists/partial", "cache/archives/partial", "parts"):
            (tmp_path / name).mkdir(parents=True, exist_ok=True)
        (tmp_path / "archive/Packages").write_text("".join(packages))
        (tmp_path / "status").write_text("")
        (tmp_path / "sources.list").write_text(f"deb [trusted=yes] file:{tmp_path}/archive ./\n")
        (tmp_path / "apt.conf").write_text(
            f'Dir::Etc::sourcelist "{tmp_path}/sources.list"; Dir::Etc::sourceparts "{tmp_path}/parts";\n'
            f'Dir::Etc::preferencesparts "{tmp_path}/parts"; Dir::State::lists "{tmp_path}/lists";\n'
            f'Dir::State::status "{tmp_path}/status"; Dir::Cache "{tmp_path}/cache"; APT::Sandbox::User "";\n'
            '#clear APT::Update::Post-Invoke-Success;\n#clear APT::Update::Post-Invoke;\n')
        environment = {**os.environ, "APT_CONFIG": str(tmp_path / "apt.conf")}
        subprocess.run(["apt-get", "-q", "update"], env=environment, check=True, capture_output=True)
        return subprocess.run(["bash", "-euo", "pipefail", "-c", f". {SETUP}; {line}"], env=environment, check=True,
                              capture_output=True, text=True).stdout.split()
    return with_archive


def test_a_default_boost_that_is_new_enough_is_taken_though_an_older_one_is_referred_to(setup):
    archive = [package("libboost-dev", "1.83.0.2"), package("libboost1.83-dev", "1.83.0", Breaks="libboost1.81-dev")]
    names = setup(archive, "packages_of build")
    assert "libboost-dev" in names and "libboost-json-dev" in names
    assert not [name for name in names if "1.81" in name]


def test_only_a_package_that_can_be_installed_is_a_candidate(setup):
    archive = [package("here", "1.2-3", Breaks="gone", Recommends="nowhere", Provides="virtual")]
    assert setup(archive, "candidate here; candidate gone; candidate nowhere; candidate virtual; candidate never") == [
        "1.2-3"]


def test_a_default_boost_that_is_too_old_is_not_taken(setup):
    archive = [package("libboost-dev", "1.74.0.3"), package("libboost1.81-dev", "1.81.0-5+deb12u1")]
    names = setup(archive, "packages_of build")
    assert "libboost1.81-dev" in names and "libboost-json1.81-dev" in names
    assert "libboost-dev" not in names
