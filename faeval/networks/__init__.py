"""Networks as torch modules that give embed, blocks and readout."""

from faeval.networks._cnn import BatchNormBlock as BatchNormBlock
from faeval.networks._cnn import BatchNormCNN as BatchNormCNN
from faeval.networks._images import image_shape as image_shape
from faeval.networks._network import Network as Network
from faeval.networks._network import check_network as check_network
from faeval.networks._network import evaluating as evaluating
from faeval.networks._network import logits_of as logits_of
from faeval.networks._network import states_of as states_of
from faeval.networks._residual_mlp import Block as Block
from faeval.networks._residual_mlp import PlainBlock as PlainBlock
from faeval.networks._residual_mlp import ResidualMLP as ResidualMLP
from faeval.networks._student import StudentBlock as StudentBlock
from faeval.networks._student import StudentNet as StudentNet
from faeval.networks._vit import ViTBlock as ViTBlock
from faeval.networks._vit import ViTMini as ViTMini
