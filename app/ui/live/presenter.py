"""What the live window shows next, decided without Qt: user's choices + newest results -> one frozen scene."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from app.engine.channels import Snapshot
from app.engine.presentation import Presentation, present
from app.engine.saliency import SaliencyState
from app.engine.state import Assessed, EngineState, SignalState
from app.overlay.compose import OverlayOptions, compose
from app.overlay.display_list import Cue, DisplayList, Fade, Raster
from app.overlay.names import Summary, as_sentence, summarise
from app.overlay.palettes import PALETTES
from app.overlay.saliency import legend, tint
from app.settings import Settings
from app.ui.widgets.fit import with_margin
from capture.frame import Frame, SourceInfo
from capture.geometry import Rect
from models.runtime.contract import Assessment, GateAssessment, Readiness
from models.runtime.frame_saliency import SaliencyMap

NO_SOURCE = "no source yet: press D to choose one, or drop a file here"


class Shown(Protocol):
    """The part of the engine that the presenter pulls from."""

    state: Snapshot[EngineState]

    def shown(self) -> Assessed | None:
        """The result to paint."""
        ...

    def shown_frame(self) -> Frame | None:
        """The frame for the live pane."""
        ...

    def saliency(self, assessed: Assessed | None) -> SaliencyState:
        """The saliency map to paint over a result on show, or why there is none."""
        ...

    @property
    def is_frozen(self) -> bool:
        """Whether the user holds the picture."""
        ...


@dataclass(frozen=True, eq=False)
class Scene:
    """One moment of the live window.

    Attributes
    ----------
    live : newest frame, for the left pane
    assessed : result with its own frame, for the right pane; None when it must not be seen
    overlay : what is painted over the assessed frame, None for nothing
    part : part of the frame that both panes show, frame pixels; None for the whole screen
    message : what the right pane says when it has no picture
    summary : sentence, count and colour for the strip
    judged : the assessment whose scores may be seen, None when none may
    of_heart : the heart's parts of the window make sense; it stays as it is until a judged frame tells otherwise
    view_found : recognised view and its probability, as in ``A4C (auto 97 %)``; empty when there is none
    dim : the result is old
    note : why a saliency map that is wanted is not there, empty when it is or when no score may be seen anyway
    gate, gate_reason : what the artifact gate says of the assessed frame, refused or not; why it says nothing
    """

    live: Frame | None
    assessed: Assessed | None
    overlay: DisplayList | None
    part: Rect | None
    message: str
    summary: Summary
    judged: Assessment | None = None
    of_heart: bool = True
    view_found: str = ""
    dim: bool = False
    note: str = ""
    gate: GateAssessment | None = None
    gate_reason: str = ""

    @property
    def readiness(self) -> Readiness | None:
        """What can be measured, None when scores must not be seen."""
        return None if self.judged is None else self.judged.readiness


class Presenter:
    """Holds the user's choices and turns the engine's newest results into scenes.

    ``of_heart`` is what the exam is said to be of; judged frames that contradict it are believed.
    """

    def __init__(self, engine: Shown, settings: Settings | None = None, of_heart: bool = True) -> None:
        self.settings = settings or Settings()
        self._engine = engine
        self._part_of: tuple[str, tuple[int, int]] | None = None
        self._part: Rect | None = None
        self._composed: tuple[Assessed, OverlayOptions, DisplayList] | None = None
        self._tinted: tuple[SaliencyMap, Raster] | None = None
        self._joined: tuple[SaliencyMap, Assessed, DisplayList | None, DisplayList] | None = None
        self._of_heart = of_heart

    def scene(self) -> Scene:
        """The scene of this moment. Cheap when nothing changed: the overlay is composed once per result."""
        engine, state = self._engine, self._engine.state.get()
        live, assessed = engine.shown_frame(), engine.shown()
        shown = present(assessed, live, state.signal, _advice(state), engine.is_frozen)
        if assessed is not None and live is not None and assessed.frame.source_id != live.source_id:
            assessed = None
        judged = assessed.assessment if assessed is not None and shown.show_scores else None
        saliency = engine.saliency(assessed) if judged is not None else SaliencyState()
        current = assessed.assessment if assessed is not None and shown.is_current else None
        return Scene(
            live,
            assessed,
            self._with_saliency(saliency.map, assessed, self._overlay(assessed, shown, filled=saliency.map is None)),
            self._part_shown(live, assessed, state.source),
            "" if assessed is not None else as_sentence(shown.reason),
            self._summary(assessed, shown),
            judged,
            self._is_of_heart(judged),
            "" if judged is None else _view_found(judged),
            shown.dim,
            _saliency_note(saliency),
            None if current is None else current.gate,
            shown.reason if current is None else current.gate_reason,
        )

    def change_overlay(self, **changes: object) -> None:
        """Replace fields of the overlay settings."""
        self.settings = self.settings.model_copy(update={"overlay": self.settings.overlay.model_copy(update=changes)})

    def change_window(self, **changes: object) -> None:
        """Replace fields of the window settings."""
        self.settings = self.settings.model_copy(update={"window": self.settings.window.model_copy(update=changes)})

    def change_bulls_eye(self, **changes: object) -> None:
        """Replace fields of the bull's-eye's settings."""
        chosen = self.settings.bulls_eye.model_copy(update=changes)
        self.settings = self.settings.model_copy(update={"bulls_eye": chosen})

    def change_panels(self, **changes: object) -> None:
        """Replace fields of the other panels' settings."""
        self.settings = self.settings.model_copy(update={"panels": self.settings.panels.model_copy(update=changes)})

    def change_recording(self, **changes: object) -> None:
        """Replace fields of the settings of recording."""
        chosen = self.settings.recording.model_copy(update=changes)
        self.settings = self.settings.model_copy(update={"recording": chosen})

    def next_palette(self) -> str:
        """Choose the next palette, return its title."""
        keys = list(PALETTES)
        key = keys[(keys.index(self.settings.overlay.palette) + 1) % len(keys)]
        self.change_overlay(palette=key)
        return PALETTES[key].title

    def next_cue(self) -> Cue:
        """Choose the next cue, return it."""
        cues = list(Cue)
        cue = cues[(cues.index(self.settings.overlay.cue) + 1) % len(cues)]
        self.change_overlay(cue=cue)
        return cue

    def options(self) -> OverlayOptions:
        """Overlay options of the present choices, at full strength."""
        chosen = self.settings.overlay
        return OverlayOptions(PALETTES[chosen.palette], chosen.cue, chosen.wall_names)

    def _overlay(self, assessed: Assessed | None, shown: Presentation, filled: bool) -> DisplayList | None:
        if assessed is None or not self.settings.overlay.shown:
            return None
        refused = not assessed.assessment.is_judged
        if not shown.show_scores and not refused:
            return None
        options = replace(self.options(), fade=Fade.DIMMED if shown.dim else Fade.FULL, filled=filled)
        cached = self._composed
        if cached is None or cached[0] is not assessed or cached[1] != options:
            cached = self._composed = (assessed, options, compose(assessed.assessment, options))
        return cached[2]

    def _with_saliency(
        self, found: SaliencyMap | None, assessed: Assessed | None, overlay: DisplayList | None
    ) -> DisplayList | None:
        """The map below an overlay and its legend above; made once per result, the colours once per map."""
        if found is None or assessed is None:
            return overlay
        kept = self._joined
        if kept is None or kept[0] is not found or kept[1] is not assessed or kept[2] is not overlay:
            if self._tinted is None or self._tinted[0] is not found:
                self._tinted = (found, tint(found))
            age_ms = (assessed.frame.t_mono_ns - found.of.t_mono_ns) / 1e6
            items = (self._tinted[1], *(overlay.items if overlay else ()), *legend(found, age_ms))
            joined = DisplayList(assessed.assessment.frame_size, items)
            kept = self._joined = (found, assessed, overlay, joined)
        return kept[3]

    def _summary(self, assessed: Assessed | None, shown: Presentation) -> Summary:
        if assessed is None or not shown.show_scores:
            return Summary(as_sentence(shown.reason))
        return summarise(assessed.assessment)

    def _is_of_heart(self, judged: Assessment | None) -> bool:
        """Only a judged frame tells: without regions, but with a cluster, it is of another organ."""
        if judged is not None and (judged.regions or judged.cluster is not None):
            self._of_heart = bool(judged.regions)
        return self._of_heart

    def _part_shown(self, live: Frame | None, assessed: Assessed | None, source: SourceInfo | None) -> Rect | None:
        """Sector of the newest result that knew it, or of the source; kept while the screen stays the same."""
        if self.settings.window.whole_screen or live is None:
            return None
        screen = (live.source_id, (live.height, live.width))
        if assessed is not None:
            known = assessed.assessment
            sector = None if known.sector is None else known.sector.bounds()
            self._learn_part((known.source_id, known.frame_size), known.crop or sector)
        if self._part_of != screen and source is not None and source.sector is not None:
            self._learn_part((source.source_id, screen[1]), source.sector.bounds())
        return self._part if self._part_of == screen else None

    def _learn_part(self, screen: tuple[str, tuple[int, int]], rect: Rect | None) -> None:
        if rect is not None:
            self._part_of, self._part = screen, with_margin(rect, *screen[1])


def _view_found(found: Assessment) -> str:
    return "" if found.view is None or found.view_p is None else f"{found.view} (auto {100 * found.view_p:.0f} %)"


def _saliency_note(saliency: SaliencyState) -> str:
    if not saliency.is_on or saliency.map is not None:
        return ""
    return f"no saliency map: {saliency.reason}" if saliency.reason else "the saliency map is being made"


def _advice(state: EngineState) -> str:
    return NO_SOURCE if state.signal is SignalState.NONE else state.sentence
