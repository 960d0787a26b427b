"""Transfer methods by name. A new method is one file, its test, and one line here."""

from nlp_transfer.methods.adapt import Adapt
from nlp_transfer.methods.base import Method
from nlp_transfer.methods.cdan import CDAN
from nlp_transfer.methods.contrastive import Contrastive
from nlp_transfer.methods.coral import CORAL
from nlp_transfer.methods.dann import DANN
from nlp_transfer.methods.few_shot import FewShot
from nlp_transfer.methods.frozen_encoder import FrozenEncoder
from nlp_transfer.methods.full_fine_tuning import FullFineTuning
from nlp_transfer.methods.joint import Joint
from nlp_transfer.methods.lora import LoRA
from nlp_transfer.methods.lp_ft import LPFT
from nlp_transfer.methods.mcc import MCC
from nlp_transfer.methods.mean_teacher import MeanTeacher
from nlp_transfer.methods.mmd import MMD
from nlp_transfer.methods.partial_fine_tuning import PartialFineTuning
from nlp_transfer.methods.peft import PeftAdapter
from nlp_transfer.methods.prototypes import Prototypes
from nlp_transfer.methods.self_training import SelfTraining
from nlp_transfer.methods.source_free import SourceFree
from nlp_transfer.methods.target_mlm import TargetMLM

METHODS: dict[str, type[Method]] = {
    method.name: method
    for method in (
        *(FullFineTuning, PartialFineTuning, LoRA, PeftAdapter, FrozenEncoder, LPFT, Prototypes, Contrastive, FewShot),
        *(Adapt, DANN, CDAN, MMD, CORAL, MCC, Joint, SelfTraining, MeanTeacher, TargetMLM, SourceFree),
    )
}
