"""Dark theme for a dim room: near-black ground, soft white text, one accent."""

from __future__ import annotations

from PySide6.QtGui import QColor, QFont, QPalette
from PySide6.QtWidgets import QApplication

BACKGROUND = "#000000"
SURFACE = "#12161c"
RAISED = "#1d232c"
EDGE = "#2b333f"
TEXT = "#e8edf2"
MUTED = "#94a1af"
ACCENT = "#74cbea"
CAUTION = "#f0b64c"
ALARM = "#ff6b5e"

_STYLE = f"""
QMainWindow, QDialog {{ background: {SURFACE}; }}
QDialog {{ border: 1px solid {EDGE}; }}
QDialogButtonBox {{ dialogbuttonbox-buttons-have-icons: 0; }}
QWidget {{ color: {TEXT}; font-size: 14px; }}
QMenuBar {{ background: {SURFACE}; color: {MUTED}; padding: 2px 6px; }}
QMenuBar::item {{ padding: 4px 10px; border-radius: 4px; }}
QMenuBar::item:selected, QMenu::item:selected {{ background: {RAISED}; color: {TEXT}; }}
QMenu {{ background: {SURFACE}; border: 1px solid {EDGE}; padding: 4px; }}
QMenu::item {{ padding: 6px 28px 6px 22px; border-radius: 4px; }}
QMenu::item:disabled {{ color: {EDGE}; }}
QMenu::separator {{ height: 1px; background: {EDGE}; margin: 4px 8px; }}
QToolTip {{ background: {RAISED}; color: {TEXT}; border: 1px solid {EDGE}; padding: 4px; }}
QPushButton, QToolButton, QComboBox {{
    background: {RAISED}; border: 1px solid {EDGE}; border-radius: 6px; padding: 5px 12px; min-height: 20px;
}}
QPushButton:hover, QToolButton:hover, QComboBox:hover {{ border-color: {MUTED}; }}
QPushButton:focus, QToolButton:focus, QComboBox:focus, QListWidget:focus, QLineEdit:focus {{
    border: 1px solid {ACCENT};
}}
QPushButton:default {{ background: #234453; }}
QPushButton:disabled {{ color: {MUTED}; }}
QComboBox QAbstractItemView {{ background: {SURFACE}; border: 1px solid {EDGE}; selection-background-color: {RAISED}; }}
QListWidget {{ background: {BACKGROUND}; border: 1px solid {EDGE}; border-radius: 6px; outline: 0; }}
QListWidget::item {{ padding: 10px; border-radius: 4px; }}
QListWidget::item:selected {{ background: #234453; color: {TEXT}; }}
#header {{ background: {SURFACE}; border-bottom: 1px solid {EDGE}; }}
#verdict {{ background: {SURFACE}; border-top: 1px solid {EDGE}; }}
#lower {{ background: {SURFACE}; border-top: 1px solid {EDGE}; }}
#hud {{ background: {SURFACE}; border-top: 1px solid {EDGE}; }}
#hud QLabel {{ color: {MUTED}; font-size: 13px; }}
#banner {{ background: #3a2d12; border-bottom: 1px solid {CAUTION}; }}
#banner[tone="urgent"] {{ background: #4d1512; border-bottom: 1px solid {ALARM}; }}
#banner[tone="info"], #task {{ background: {RAISED}; border-bottom: 1px solid {EDGE}; }}
#task QLabel {{ font-size: 16px; }}
QProgressBar {{ background: {BACKGROUND}; border: 1px solid {EDGE}; border-radius: 6px; text-align: center; }}
QProgressBar::chunk {{ background: #234453; border-radius: 5px; }}
#banner QLabel {{ font-size: 16px; }}
#maps::pane {{ border: 0; }}
#maps QTabBar::tab {{
    color: {MUTED}; font-size: 13px; padding: 2px 10px; border-bottom: 2px solid transparent; margin-right: 4px;
}}
#maps QTabBar::tab:selected {{ color: {TEXT}; border-bottom-color: {ACCENT}; }}
#maps QTabBar::tab:focus {{ color: {ACCENT}; }}
QLabel[role="muted"] {{ color: {MUTED}; }}
QLabel[role="badge"] {{
    color: {BACKGROUND}; background: {ACCENT}; border-radius: 6px; padding: 3px 10px; font-weight: 600;
}}
QLabel[role="recording"] {{
    color: #ffffff; background: #c4261d; border-radius: 6px; padding: 1px 12px; font-size: 20px; font-weight: 700;
}}
"""


def apply(app: QApplication) -> None:
    """Give an application the dark theme."""
    app.setStyle("Fusion")
    palette = QPalette()
    roles = {
        QPalette.ColorRole.Window: SURFACE,
        QPalette.ColorRole.Base: BACKGROUND,
        QPalette.ColorRole.AlternateBase: SURFACE,
        QPalette.ColorRole.Button: RAISED,
        QPalette.ColorRole.Text: TEXT,
        QPalette.ColorRole.WindowText: TEXT,
        QPalette.ColorRole.ButtonText: TEXT,
        QPalette.ColorRole.ToolTipBase: RAISED,
        QPalette.ColorRole.ToolTipText: TEXT,
        QPalette.ColorRole.Highlight: "#234453",
        QPalette.ColorRole.HighlightedText: TEXT,
        QPalette.ColorRole.PlaceholderText: MUTED,
    }
    for role, value in roles.items():
        palette.setColor(role, QColor(value))
    app.setPalette(palette)
    font = QFont(app.font())
    font.setStyleHint(QFont.StyleHint.SansSerif)
    app.setFont(font)
    app.setStyleSheet(_STYLE)
