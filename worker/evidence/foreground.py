"""The foreground of a clip: the part of its picture where something moves."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from app.contract.network import StreamName
from worker.evidence.synergy import MOTION
from worker.graph.inputs import Inputs
from worker.video.flow import FLOW_UNIT_PX, dis_flow

WINDOW_PX = 5  # side of the window around a moving pixel that belongs to the foreground too
MAX_FLOW_FIELDS = 10  # computed for a clip that has no motion stream


def foreground_mask(motion: Tensor, min_px: float) -> Tensor:
    """Return the mask (B, 1, H, W) that is 1 where the flow (B, 2L, H, W) differs from the background's, else 0.

    A pixel is foreground if its flow, less the median flow of the picture, is more than `min_px` px a frame on
    average over the L fields; so are the pixels close to it.
    """
    fields, height, width = motion.shape[1] // 2, *motion.shape[2:]
    flow = motion.reshape(-1, fields, 2, height, width) * FLOW_UNIT_PX
    flow = flow - flow.flatten(3).median(3).values[..., None, None]
    speed = flow.norm(dim=2).mean(1, keepdim=True)
    return F.max_pool2d((speed > min_px).float(), WINDOW_PX, 1, WINDOW_PX // 2)


def clip_foreground(inputs: Inputs, min_px: float) -> Tensor:
    """Return the foreground mask (1, 1, H, W) of one clip, from its motion stream or from flow computed here."""
    if MOTION in inputs:
        return foreground_mask(inputs[MOTION], min_px)
    clip = inputs[StreamName.CLIP][0]
    step = max(1, clip.shape[1] // MAX_FLOW_FIELDS)
    frames = ((clip.permute(1, 2, 3, 0).cpu().numpy() + 1) * 127.5).clip(0, 255).astype(np.uint8)
    fields = [dis_flow(frames[start : start + 2]) for start in range(0, len(frames) - 1, step)]
    flow = torch.from_numpy(np.concatenate(fields)).permute(0, 3, 1, 2).flatten(0, 1)[None]
    return foreground_mask(flow / FLOW_UNIT_PX, min_px).to(clip.device)
