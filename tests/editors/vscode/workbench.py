"""Owns how a person's gestures in VS Code are made, and what they see: by Playwright, in Chromium."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

SECONDS = 120
"""How long anything may take that Lean has to do with, on a busy machine."""

expect.set_options(timeout=SECONDS * 1000)


class Workbench:
    """A window of VS Code with one folder."""

    def __init__(self, page: Page, write_settings: Callable[..., None], artefacts: Path) -> None:
        self.page = page
        page.set_default_timeout(SECONDS * 1000)
        self._write_settings = write_settings
        self.status = page.locator(".statusbar-item", has_text="llmstep")
        self.lightbulb = page.locator(
            ".monaco-editor [class*='lightbulb'], .monaco-editor .lightBulbWidget"
        ).first
        self.ghost = page.locator(".ghost-text-decoration, .ghost-text").first
        self.actions = page.locator(".action-widget .monaco-list-row.action")
        self.rows = page.locator(".quick-input-list .monaco-list-row")
        self.notifications = page.locator(".notification-list-item")
        self._artefacts = artefacts

    def set(self, **settings: Any) -> None:
        """Change the settings, and load the window again, as nothing here watches files."""
        self._write_settings(**settings)
        self.page.reload()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def open(self, name: str) -> None:
        """Open a file of the folder, by its name."""
        expect(self.page.locator(".statusbar-item").first).to_be_visible()
        self.press("Control+p")
        self.answer(name)
        self.rows.filter(has_text=name).first.wait_for()
        self.press("Enter")
        expect(self.page.locator(".tab.active", has_text=name)).to_be_visible()
        expect(self.page.locator(".monaco-editor .view-line").first).to_be_visible()

    def go_to(self, line: int, column: int) -> None:
        """Put the cursor there; both count from 1."""
        self.press("Control+g")
        self.answer(f":{line}:{column}")
        self.press("Enter")
        expect(self.page.locator(".statusbar-item", has_text=f"Ln {line}, Col {column}")).to_be_visible()

    def run(self, title: str) -> None:
        """Choose a command of the palette."""
        self.press("F1")
        self.answer(f">{title}")
        self.rows.filter(has_text=title).first.wait_for()
        self.press("Enter")

    def code_actions(self) -> list[str]:
        """Ask for code actions at the cursor, and say which there are.

        It is asked again where VS Code gives up, as it does when Lean reports something meanwhile.
        """
        for _ in range(SECONDS // 20):
            self.press("Control+.")
            with suppress(AssertionError):
                expect(self.actions.first).to_be_visible(timeout=20_000)
                break
        return self.actions.all_inner_texts()

    def save(self) -> None:
        """Save the file, once it has changed."""
        expect(self.page.locator(".tab.active.dirty")).to_be_visible()
        self.press("Control+s")
        expect(self.page.locator(".tab.active.dirty")).to_have_count(0)

    def listed(self) -> list[str]:
        """The rows of the list that is open, once it has any."""
        expect(self.rows.first).to_be_visible()
        return [text.replace("\n", " | ") for text in self.rows.all_inner_texts()]

    def notification(self, text: str) -> Locator:
        return self.notifications.filter(has_text=text).first

    @contextmanager
    def pictured(self, name: str) -> Iterator[None]:
        """Keep a picture of how it ends."""
        try:
            yield
        finally:
            self.picture(name)

    def picture(self, name: str) -> None:
        """Keep a picture of the window."""
        self.page.screenshot(path=self._artefacts / f"{name}.png")

    def answer(self, text: str) -> None:
        """Write into the box at the top."""
        box = self.page.locator(".quick-input-widget input")
        expect(box).to_be_visible()
        box.fill(text)
