"""Networks as torch modules that give embed, blocks and readout."""

from faeval.bench.networks._cnn import BatchNormBlock as BatchNormBlock
from faeval.bench.networks._cnn import BatchNormCNN as BatchNormCNN
from faeval.bench.networks._images import image_shape as image_shape
from faeval.bench.networks._network import Network as Network
from faeval.bench.networks._network import check_network as check_network
from faeval.bench.networks._network import evaluating as evaluating
from faeval.bench.networks._network import logits_of as logits_of
from faeval.bench.networks._network import states_of as states_of
from faeval.bench.networks._residual_mlp import Block as Block
from faeval.bench.networks._residual_mlp import PlainBlock as PlainBlock
from faeval.bench.networks._residual_mlp import ResidualMLP as ResidualMLP
from faeval.bench.networks._student import StudentBlock as StudentBlock
from faeval.bench.networks._student import StudentNet as StudentNet
from faeval.bench.networks._vit import ViTBlock as ViTBlock
from faeval.bench.networks._vit import ViTMini as ViTMini
