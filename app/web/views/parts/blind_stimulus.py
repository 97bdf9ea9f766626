"""The stimulus of a trial, served so that neither address, page nor headers tell what it shows."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from PIL import UnidentifiedImageError

from app.contract.errors import Missing, Refused
from app.contract.naming import NamingSession, NamingTrial, Shown
from app.contract.result import MediaContent, MediaRef, MediaRole
from app.store import Session, media
from app.store.database.cache import LruCache
from app.store.database.engine import Store
from app.store.naming import sessions, trials
from app.store.results import visualizations
from app.web import urls
from app.web.control_stimulus import Encoding, draw_loop, draw_noise
from app.web.requests.credentials import Role
from app.web.requests.visitor import Visitor

# What is shown of each kind of stimulus; animations are for browsers without JavaScript.
PICTURE_ROLES = (MediaRole.APPEARANCE, MediaRole.SHEET, MediaRole.LOOP)
FLOW_ROLES = (MediaRole.FLOW, MediaRole.FLOW_DIRECTION, MediaRole.FLOW_XY, MediaRole.SHEET, MediaRole.LOOP)
ENCODINGS: Mapping[MediaRole, Encoding] = {MediaRole.FLOW_DIRECTION: "direction", MediaRole.FLOW_XY: "xy"}
SHEET_OF_LOOP = {**dict.fromkeys(ENCODINGS, MediaRole.FLOW), MediaRole.LOOP: MediaRole.SHEET}

# Noise by the sha256 of the stimulus and the seed of the trial: a player asks for each role, and a page is reloaded.
_noise: LruCache[tuple[str, int], bytes] = LruCache(max_size=32)


@dataclass(frozen=True)
class BlindMedium:
    """A picture of a trial, as its page and the API name it."""

    role: MediaRole
    href: str
    width: int
    height: int
    frames: int


def own_session(session: Session, visitor: Visitor, session_id: str) -> NamingSession:
    """Return a session of the visitor. Raises Missing, and Refused where it is somebody else's."""
    naming = sessions.get_session(session, session_id=session_id)
    if naming.owner not in visitor.owners and visitor.role is not Role.ADMIN:
        raise Refused("This session is somebody else's: only who started it can see and answer its trials.")
    return naming


def current_trial(session: Session, naming: NamingSession) -> NamingTrial:
    """Return the trial that an open session shows."""
    return trials.get_trial(session, session_id=naming.id, number=naming.answered + 1)


def blind_media(session: Session, naming: NamingSession, trial: NamingTrial) -> Mapping[MediaRole, BlindMedium]:
    """Return the pictures of a trial, none where its result has been removed."""
    return {
        role: BlindMedium(role, urls.naming_medium(naming.id, trial.number, role), ref.width, ref.height, ref.frames)
        for role, ref in _stored_media(session, naming, trial).items()
    }


def read_blind_medium(session: Session, naming: NamingSession, number: int, role: MediaRole) -> MediaContent:
    """Return the bytes of a picture of the trial that is being shown. Raises Missing for any other trial."""
    if not naming.is_open or number != naming.answered + 1:
        raise Missing("This trial is not being shown. Its pictures were there until it was answered.")
    trial = current_trial(session, naming)
    stored = _stored_media(session, naming, trial)
    if role not in stored:
        raise Missing("This trial shows no such picture.")
    if not trial.is_control:
        return media.get_medium(session, sha256=stored[role].sha256)
    source = SHEET_OF_LOOP.get(role, role)
    try:
        noise = _noise_of(session, stored[source], trial.seed)
        if source is role:
            return MediaContent(type="image/webp", data=noise)
        size = (stored[role].width, stored[role].height)
        loop = draw_loop(noise, frames=stored[source].frames, size=size, encoding=ENCODINGS.get(role))
    except UnidentifiedImageError as error:
        raise Missing("The pictures of this trial cannot be read. Answer that you cannot name it.") from error
    return MediaContent(type="image/webp", data=loop)


def draw_ahead(store: Store, naming: NamingSession, number: int) -> None:
    """Draw the noise of a trial that comes next if it is a control: the time that this takes would tell it as one."""
    if number > naming.trials:
        return
    with store.session() as session:
        trial = trials.get_trial(session, session_id=naming.id, number=number)
        if not trial.is_control:
            return
        for role, ref in _stored_media(session, naming, trial).items():
            if role not in SHEET_OF_LOOP:
                with suppress(UnidentifiedImageError):  # who opens the trial is told
                    _noise_of(session, ref, trial.seed)


def _noise_of(session: Session, ref: MediaRef, seed: int) -> bytes:
    def draw() -> bytes:
        stored = media.get_medium(session, sha256=ref.sha256)
        is_flow = ref.role is MediaRole.FLOW
        return draw_noise(stored.data, frames=ref.frames, seed=f"{seed}/{ref.role}", lossless=is_flow)

    return _noise.get_or_compute((ref.sha256, seed), draw)


def _stored_media(session: Session, naming: NamingSession, trial: NamingTrial) -> dict[MediaRole, MediaRef]:
    """Return what is stored of the stimulus of a trial, or that its noise is made from, as far as it is shown."""
    if trial.visualization is None:
        return {}
    result = visualizations.get_visualization(session, visualization_id=trial.visualization)
    roles = {role: ref for role in (*PICTURE_ROLES, *FLOW_ROLES) if (ref := result.medium(role))}
    if MediaRole.SHEET not in roles:
        roles.pop(MediaRole.LOOP, None)  # that of two streams is no part of a trial
    if naming.request.shown is Shown.PICTURE:
        return {role: ref for role, ref in roles.items() if role in PICTURE_ROLES}
    if naming.request.shown is Shown.FLOW:
        return {role: ref for role, ref in roles.items() if role in FLOW_ROLES}
    return roles
