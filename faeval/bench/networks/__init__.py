"""Networks as torch modules that give embed, blocks and readout."""

from faeval.bench.networks._cnn import (
    BatchNormBlock as BatchNormBlock,
    BatchNormCNN as BatchNormCNN,
)
from faeval.bench.networks._images import image_shape as image_shape
from faeval.bench.networks._network import (
    Network as Network,
    check_network as check_network,
    evaluating as evaluating,
    logits_of as logits_of,
    states_of as states_of,
)
from faeval.bench.networks._residual_mlp import (
    Block as Block,
    PlainBlock as PlainBlock,
    ResidualMLP as ResidualMLP,
)
from faeval.bench.networks._student import StudentBlock as StudentBlock, StudentNet as StudentNet
from faeval.bench.networks._vit import ViTBlock as ViTBlock, ViTMini as ViTMini
