"""The page in Chromium: a file, the microphone, names that are no markup, errors, and pages as wide as windows."""

from __future__ import annotations

import shutil
import threading

import numpy as np
import pytest
import soundfile
from messages import names

from timbre.serve.server import listen, make_server

from .conftest import RATE, voice

NASTY = "<img src=x onerror=alert(1)> O'Brien & Łucja"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
FLAGS += ["--disable-background-networking", "--disable-component-update"]
FLAGS += ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]


@pytest.fixture
def page(make_app, tmp_path):
    """A browser with the page open, whose microphone plays a voice."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    chromium, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not chromedriver:
        pytest.skip("no chromium with its chromedriver here (apt install chromium-driver)")
    from selenium.webdriver.chrome.service import Service

    soundfile.write(tmp_path / "microphone.wav", np.tile(voice(1, 5), 4), RATE)
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    own = [f"--user-data-dir={tmp_path}/profile", f"--use-file-for-fake-audio-capture={tmp_path}/microphone.wav"]
    for flag in [*FLAGS, *own]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    at = listen(0)
    server = make_server(make_app(at.getsockname()[1]), at)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    driver = webdriver.Chrome(options=options, service=Service(chromedriver))
    try:
        driver.set_script_timeout(20)
        driver.get(f"http://127.0.0.1:{at.getsockname()[1]}/")
        yield Page(driver)
    finally:
        driver.quit()
        server.close()
        server.task_dispatcher.shutdown()
        thread.join(5)


class Page:
    """What a user does and sees."""

    def __init__(self, driver) -> None:
        self.driver = driver
        self.wait()

    def wait(self) -> None:
        from selenium.webdriver.support.ui import WebDriverWait

        WebDriverWait(self.driver, 20).until(lambda driver: driver.execute_script("return !busy && !recorder"))

    def find(self, name: str):
        return self.driver.find_element("id", name)

    def press(self, name: str) -> None:
        self.find(name).click()
        self.wait()

    def text(self, name: str) -> str:
        return self.find(name).text

    def choose(self, path) -> None:
        self.find("file").send_keys(str(path))

    def width(self, pixels: int) -> int:
        """The width of the page in a window of so many pixels."""
        size = {"width": pixels, "height": 800, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        return self.driver.execute_script("return document.documentElement.scrollWidth")


@pytest.mark.all
def test_the_page_in_a_browser(page, tmp_path):
    from selenium.webdriver.common.keys import Keys

    assert not page.find("ask").is_enabled() and names(page.text("people"), "voice 0", "voice 3")
    soundfile.write(tmp_path / "file.wav", voice(2, 7), RATE)
    page.choose(tmp_path / "file.wav")
    page.press("ask")
    assert names(page.text("candidates"), "voice 2", "unknown", "%") and "threshold" in page.text("why")
    assert page.driver.execute_script("return document.querySelectorAll('#scores circle').length") == 4
    page.find("name").send_keys(NASTY, Keys.ENTER)
    page.wait()
    page.press("ask")
    assert page.text("who") == NASTY or NASTY in page.text("candidates")
    assert NASTY in page.text("people") and not page.driver.find_elements("css selector", "#people img")
    assert page.width(390) <= 390 and page.width(1280) <= 1280
    page.driver.find_elements("css selector", "#people button")[-1].click()
    page.driver.switch_to.alert.accept()
    page.wait()
    assert NASTY not in page.text("people") and "forgotten" in page.text("say")
    (tmp_path / "no.wav").write_text("no audio")
    page.choose(tmp_path / "no.wav")
    page.press("ask")
    assert names(page.text("say"), "not readable as audio") and not page.find("answer").is_displayed()
    refused = [line["message"] for line in page.driver.get_log("browser") if "status of 400" not in line["message"]]
    assert not refused  # nothing that the content security policy would have stopped, and no failure of a script


@pytest.mark.all
def test_a_recording_by_the_microphone(page):
    """By the keyboard alone: the button keeps the focus while the microphone is waited for."""
    import time

    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.keys import Keys

    page.driver.execute_script("document.getElementById('record').focus()")
    ActionChains(page.driver).send_keys(Keys.SPACE).perform()
    time.sleep(2)
    assert page.text("record-text") == "Stop" and page.find("level").is_displayed()
    ActionChains(page.driver).send_keys(Keys.SPACE).perform()
    page.wait()
    assert "Recorded" in page.text("have-text")
    page.press("ask")
    assert page.text("candidates").startswith("voice 1") and "48000" in page.text("notes")
