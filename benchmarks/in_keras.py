"""The networks of benchmarks/peers.py as Keras models, for xplique."""

from typing import Any

from benchmarks import vgg
from benchmarks.appearance import Appearance
from benchmarks.vgg import Vgg16


def keras_vgg(module: Vgg16) -> Any:
    """Return a Keras model of images in [0, 1] that computes what the VGG-16 does."""
    import tensorflow as tf

    layers = tf.keras.layers
    images, x = keras_convolutions(module, vgg.SIZE)
    x = layers.Flatten()(layers.Permute((3, 1, 2))(x))  # channels first, as the weights of fc6 have it
    x = layers.ReLU()(layers.Dense(4096, name="fc6")(x))
    x = layers.ReLU()(layers.Dense(4096, name="fc7")(x))
    model = tf.keras.Model(images, layers.Dense(module.scores.out_features, name="scores")(x))
    for name in ("fc6", "fc7", "scores"):
        part: Any = module.get_submodule(name)
        model.get_layer(name).set_weights([part.weight.detach().numpy().T, part.bias.detach().numpy()])
    return model


def keras_appearance(module: Appearance, size: int) -> Any:
    """Return a Keras model of images in [0, 1] that computes what the appearance stream does."""
    import tensorflow as tf

    return tf.keras.Model(*keras_convolutions(module, size))


def keras_convolutions(module: Vgg16 | Appearance, size: int) -> tuple[Any, Any]:
    """Return the Keras input of images in [0, 1] and the last map, with the module's weights."""
    import tensorflow as tf

    layers = tf.keras.layers
    images = layers.Input((size, size, 3))
    x = layers.Normalization(mean=module.mean, variance=[s**2 for s in module.std])(images)
    for name in module.steps:
        if name == "pool":
            x = layers.MaxPooling2D(2)(x)
            continue
        part: Any = module.get_submodule(name)
        (kernel, _), (stride, _), (padding, _) = part.kernel_size, part.stride, part.padding
        if stride > 1:  # Keras would pad one side more than the other
            x = layers.ZeroPadding2D(padding)(x)
        convolution = layers.Conv2D(
            part.out_channels, kernel, stride, padding="valid" if stride > 1 else "same", name=name
        )
        x = layers.ReLU()(convolution(x))
        convolution.set_weights([part.weight.detach().numpy().transpose(2, 3, 1, 0), part.bias.detach().numpy()])
    return images, x
