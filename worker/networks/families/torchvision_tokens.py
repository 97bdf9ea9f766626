"""Layers of torchvision's video transformers: taps at residual stream, heads, attention and MLP of each block."""

from collections.abc import Mapping

from torch import Tensor, nn

from app.contract.network import OmittedModule, StreamName
from worker.networks.tokens import (
    ATTENTION_REASON,
    NORM_REASON,
    ChannelsLastTap,
    Grid,
    OutputTap,
    TokenTap,
    pooled_grid,
)


class MultiscaleTokens(nn.Module):
    """An MViT with taps. Its tokens lie on a grid that queries pool from block to block."""

    omitted = (
        OmittedModule(module="blocks.*.attn.qkv, pool_q, pool_k, pool_v", reason=ATTENTION_REASON),
        OmittedModule(
            module="blocks.*.pool_skip, project", reason="carry the residual stream to the next block's grid"
        ),
        OmittedModule(module="blocks.*.norm1, norm2, norm", reason=NORM_REASON),
    )

    def __init__(self, model: nn.Module, clip: Grid) -> None:
        """Put taps into a model that takes clips (frames, height, width) of this size."""
        super().__init__()
        self.model, self.size = model, clip
        patches = model.get_submodule("conv_proj")
        self.patch_embedding = OutputTap()
        self.patch_embedding.attach(patches)
        self.blocks = nn.ModuleList()
        grid = pooled_grid(patches, clip)
        for block in model.get_submodule("blocks").children():
            query = getattr(block.get_submodule("attn"), "pool_q", None)
            grid = grid if query is None else pooled_grid(query.pool, grid)
            taps = TokenTap(grid, class_tokens=1, show_class_token=True)
            taps.attach(block)
            heads, attention, hidden = (TokenTap(grid, class_tokens=1) for _ in range(3))
            heads.attach_input(block.get_submodule("attn.project"))
            attention.attach(block.get_submodule("attn"))
            hidden.attach(block.get_submodule("mlp.1"))
            for name, tap in (("heads", heads), ("attention", attention), ("mlp", hidden)):
                taps.add_module(name, tap)
            self.blocks.append(taps)

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        size = tuple(inputs[StreamName.CLIP].shape[2:])
        if size != self.size:
            raise ValueError(f"it takes clips of {self.size}, whose positions it has learned, not {size}")
        return self.model(inputs)  # type: ignore[no-any-return]


class WindowedTokens(nn.Module):
    """A video Swin transformer with taps. It keeps its tokens as maps, of any size."""

    omitted = (
        OmittedModule(
            module="features.*.*.attn.qkv",
            reason="queries, keys, values and heads are those of windows, which the library folds into the batch",
        ),
        OmittedModule(module="patch_embed.norm, features.*.*.norm1, norm2, features.*.norm, norm", reason=NORM_REASON),
    )

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.patch_embedding = OutputTap()
        self.patch_embedding.attach(model.get_submodule("patch_embed.proj"))
        self.blocks, self.patch_merging = nn.ModuleList(), nn.ModuleList()
        for stage in model.get_submodule("features").children():
            if not isinstance(stage, nn.Sequential):
                self.patch_merging.append(self._tap(stage))
                continue
            for block in stage:
                taps = self._tap(block)
                taps.add_module("attention", self._tap(block.get_submodule("attn")))
                taps.add_module("mlp", self._tap(block.get_submodule("mlp.1")))
                self.blocks.append(taps)

    @staticmethod
    def _tap(module: nn.Module) -> ChannelsLastTap:
        tap = ChannelsLastTap()
        tap.attach(module)
        return tap

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        return self.model(inputs)  # type: ignore[no-any-return]
