"""Where in the video transformers of the library `transformers` their layers are: data, which the family reads."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from worker.networks.tokens import ATTENTION_REASON, NORM_REASON, Order

Config = Mapping[str, Any]  # of a network, as in its config.json
# What a module works on: the tokens of a clip, with class tokens or without (patches); those of each frame, with frames
# folded into the batch; or those of each position, with positions folded into the batch
Tokens = Literal["tokens", "patches", "frames", "positions"]
TRAINING_REASON = "rebuilds masked tokens in training: it is not run here, where the encoder sees all tokens"


@dataclass(frozen=True)
class BlockLayer:
    """A layer that each block has: the output of a module, or its input."""

    name: str
    path: str  # of the module in the block
    tokens: Tokens = "tokens"
    of_input: bool = False


@dataclass(frozen=True)
class Architecture:
    """Where in a model of the library its layers are, and what its config calls its sizes."""

    name: str  # `model_type` in the config
    title: str
    model: str  # class in the library of the network that classifies
    encoder: str  # class in the library of the same network without classes
    input: str  # name of the argument of its forward pass
    patches: str  # path of the convolution that makes the patches
    blocks: str  # path of the list of blocks
    layers: tuple[BlockLayer, ...]  # in each block
    omitted: tuple[tuple[str, str], ...]  # modules that are not shown, and why
    omitted_in_head: tuple[tuple[str, str], ...] = ()  # those that only a network with classes has
    omitted_in_encoder: tuple[tuple[str, str], ...] = ()  # those that only a network without classes has
    pretraining: str = ""  # class in the library of checkpoints of encoder and decoder, whose encoder is opened
    not_read: tuple[str, ...] = ()  # in checkpoints of encoders: how names of tensors start that are left out
    build_options: tuple[tuple[str, object], ...] = ()  # of an encoder
    call_options: tuple[tuple[str, object], ...] = ()
    is_encoder: bool = False  # whether `model` has no classes
    size: str = "image_size"
    frames: str = "num_frames"
    class_tokens: int = 0
    order: Order = "thw"
    is_offset: bool = False  # whether its processor subtracts 1 after rescaling unless it says otherwise

    def without_classes(self) -> "Architecture":
        """Return the architecture of the encoder alone, whose modules have no name of the encoder before theirs."""
        prefix = f"{self.name}."
        shared = tuple((module.replace(prefix, ""), reason) for module, reason in self.omitted)
        return replace(
            self,
            model=self.encoder,
            patches=self.patches.removeprefix(prefix),
            blocks=self.blocks.removeprefix(prefix),
            omitted=(*shared, *self.omitted_in_encoder),
            omitted_in_head=(),
            is_encoder=True,
        )

    def block_layers(self, config: Any) -> tuple[BlockLayer, ...]:
        """Return the layers of each block. A TimeSformer whose attention is not divided works on tokens of the clip."""
        if getattr(config, "attention_type", "divided_space_time") == "divided_space_time":
            return self.layers
        return tuple(replace(layer, tokens="tokens") for layer in self.layers if not layer.name.startswith("temporal_"))

    def of(self, config: Config) -> "Architecture | None":
        """Return the architecture with or without classes, by the models that a config names; None for others."""
        classes = model_classes(config)
        if self.model in classes:
            return replace(self, build_options=(), call_options=())
        return self.without_classes() if {self.encoder, self.pretraining} & {*classes} else None


ARCHITECTURES = {
    architecture.name: architecture
    for architecture in (
        Architecture(
            name="videomae",
            title="VideoMAE",
            model="VideoMAEForVideoClassification",
            encoder="VideoMAEModel",
            pretraining="VideoMAEForPreTraining",
            not_read=("decoder.", "encoder_to_decoder.", "mask_token", "position_embeddings"),
            input="pixel_values",
            patches="videomae.embeddings.patch_embeddings.projection",
            blocks="videomae.encoder.layer",
            layers=(
                BlockLayer("heads", "attention.output.dense", of_input=True),
                BlockLayer("attention", "attention"),
                BlockLayer("mlp", "intermediate"),
            ),
            omitted=(
                ("videomae.encoder.layer.*.attention.attention", ATTENTION_REASON),
                ("videomae.encoder.layer.*.layernorm_*", NORM_REASON),
            ),
            omitted_in_head=(("fc_norm", NORM_REASON),),
            omitted_in_encoder=(("layernorm", NORM_REASON), ("decoder, encoder_to_decoder", TRAINING_REASON)),
        ),
        Architecture(
            name="timesformer",
            title="TimeSformer",
            model="TimesformerForVideoClassification",
            encoder="TimesformerModel",
            input="pixel_values",
            patches="timesformer.embeddings.patch_embeddings.projection",
            blocks="timesformer.encoder.layer",
            layers=(
                BlockLayer("temporal_heads", "temporal_attention.output.dense", "positions", of_input=True),
                BlockLayer("temporal_attention", "temporal_dense", "patches"),
                BlockLayer("heads", "attention.output.dense", "frames", of_input=True),
                BlockLayer("attention", "attention", "frames"),
                BlockLayer("mlp", "intermediate"),
            ),
            class_tokens=1,
            order="hwt",
            omitted=(
                ("timesformer.encoder.layer.*.attention.attention, temporal_attention.attention", ATTENTION_REASON),
                ("timesformer.encoder.layer.*.layernorm_*, temporal_layernorm", NORM_REASON),
            ),
        ),
        Architecture(
            name="vivit",
            title="ViViT",
            model="VivitForVideoClassification",
            encoder="VivitModel",
            not_read=("pooler.",),
            build_options=(("add_pooling_layer", False),),
            omitted_in_encoder=(("pooler", "maps the class token, which is shown itself"),),
            input="pixel_values",
            patches="vivit.embeddings.patch_embeddings.projection",
            blocks="vivit.layers",
            layers=(
                BlockLayer("heads", "attention.o_proj", of_input=True),
                BlockLayer("attention", "attention"),
                BlockLayer("mlp", "mlp.activation_fn"),
            ),
            class_tokens=1,
            is_offset=True,
            omitted=(
                ("vivit.layers.*.attention.q_proj, k_proj, v_proj", ATTENTION_REASON),
                ("vivit.layers.*.layernorm_*, vivit.layernorm", NORM_REASON),
            ),
        ),
        Architecture(
            name="vjepa2",
            title="V-JEPA 2",
            model="VJEPA2ForVideoClassification",
            encoder="VJEPA2Model",
            call_options=(("skip_predictor", True),),
            input="pixel_values_videos",
            patches="vjepa2.encoder.embeddings.patch_embeddings.proj",
            blocks="vjepa2.encoder.layer",
            layers=(
                BlockLayer("heads", "attention.proj", of_input=True),
                BlockLayer("attention", "attention"),
                BlockLayer("mlp", "mlp.activation"),
            ),
            size="crop_size",
            frames="frames_per_clip",
            omitted=(
                ("vjepa2.encoder.layer.*.attention.query, key, value", ATTENTION_REASON),
                ("vjepa2.encoder.layer.*.norm*, vjepa2.encoder.layernorm", NORM_REASON),
                ("vjepa2.predictor", TRAINING_REASON),
            ),
            omitted_in_head=(("pooler", "pools all tokens into one by attention: its queries are at no position"),),
        ),
    )
}


def model_classes(config: Config) -> tuple[str, ...]:
    """Return the classes of models that a config names under `architectures`."""
    names = config.get("architectures") or ()
    return tuple(map(str, names)) if isinstance(names, list | tuple) else (str(names),)
