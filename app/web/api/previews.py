"""Social cards: the pictures that other sites show for links. Few links need one, so it is drawn on request."""

from typing import Annotated

from fastapi import APIRouter, Header, Path
from PIL import UnidentifiedImageError
from starlette.responses import Response

from app.contract.errors import Missing
from app.contract.result import MediaRef, MediaRole, Visualization
from app.store import Session, media
from app.store.catalog import networks
from app.store.results import visualizations
from app.web.api.error_bodies import errors_as_json
from app.web.deps import ReadSession
from app.web.social_card import SocialCard, draw_social_card

router = APIRouter(prefix="/-", tags=["media"], default_response_class=Response)

DRAWING_VERSION = 3  # a part of the ETag: raise it when the drawing changes
CACHE_FOR_A_DAY = "public, max-age=86400"  # seconds
STILL_ROLES = (MediaRole.APPEARANCE, MediaRole.POSTER)  # in this order: an old poster has motion in its corner
MOTION_ROLES = (MediaRole.FLOW_DIRECTION, MediaRole.FLOW_XY)


@router.get(
    "/previews/{visualization_id}.jpg",
    summary="A result as the picture of a link: stimulus, motion, name; 1200 x 630",
    responses={
        200: {"content": {"image/jpeg": {}}, "description": "The picture"},
        304: {"description": "The client has it already"},
        **errors_as_json(404, 422, 429),
    },
)
def get_preview(
    session: ReadSession,
    visualization_id: Annotated[int, Path(ge=1, lt=2**63, examples=[1])],
    if_none_match: Annotated[str, Header()] = "",
) -> Response:
    result = visualizations.get_visualization(session, visualization_id=visualization_id)
    headers = {"Cache-Control": CACHE_FOR_A_DAY, "ETag": f'"{result.recipe_key[:16]}-{result.id}-{DRAWING_VERSION}"'}
    if headers["ETag"] in if_none_match:
        return Response(status_code=304, headers=headers)
    try:
        picture = draw_social_card(_social_card(session, result))
    except UnidentifiedImageError as error:
        raise Missing(f"The pictures of visualization {result.id} cannot be read.") from error
    return Response(picture, media_type="image/jpeg", headers=headers)


def _social_card(session: Session, result: Visualization) -> SocialCard:
    card = networks.get_card(session, slug=result.network)
    layer = card.layer(result.layer)
    address = f"{result.layer}/{result.unit}"
    still, motion = _medium(result, STILL_ROLES), _medium(result, MOTION_ROLES)
    poster = result.medium(MediaRole.POSTER)
    if poster and still and motion and poster.width == 2 * poster.height:
        still, motion = poster, None  # holds both, the motion in colours of its own scale
    if still is None:
        raise Missing(f"Visualization {result.id} has no picture.")
    pictures = media.get_media(session, sha256s={each.sha256 for each in (still, motion) if each})
    return SocialCard(
        name=card.classes[result.unit] if layer.is_class else address,
        subtitle=f"{address}, {result.recipe.speed}"
        if layer.is_class
        else f"unit {result.unit}, {result.recipe.speed}",
        network=card.title,
        stimulus=pictures[still.sha256].data,
        motion=pictures[motion.sha256].data if motion else None,
    )


def _medium(result: Visualization, roles: tuple[MediaRole, ...]) -> MediaRef | None:
    """Return the medium of the first role that the result has."""
    return next((medium for role in roles if (medium := result.medium(role))), None)
