"""`fovea evaluate`: the commands that measure models and their explanations."""

from __future__ import annotations

from service.cli.bias import bias
from service.cli.command_group import command_group
from service.cli.digits import digits
from service.cli.dissection import dissection
from service.cli.faithfulness import faithfulness
from service.cli.localisation import localisation
from service.cli.mistakes import errors
from service.cli.optimizers import optimizers
from service.cli.top_activations import top_activations

app = command_group("Measure models and their explanations.")

app.command(epilog="Example: `fovea evaluate localisation --model resnet18 --method gradcam --method cam`")(
    localisation
)
app.command(epilog="Example: `fovea evaluate faithfulness --images 20 --picture faithfulness.png`")(faithfulness)
app.command(epilog="Examples: `fovea evaluate bias FOLDER --html bias.html`, `fovea evaluate bias --marker 0.95`")(bias)
app.command(epilog="Example: `fovea evaluate dissection --model resnet18 --layer layer3 --html units.html`")(dissection)
app.command(epilog="Example: `fovea evaluate errors FOLDER --model resnet18 --html errors.html`")(errors)
app.command(
    "top-activations", epilog="Example: `fovea evaluate top-activations --model resnet18 --unit 331 --html unit.html`"
)(top_activations)
app.command(epilog="Example: `fovea evaluate optimizers --picture optimizers.png --html optimizers.html`")(optimizers)
app.command(epilog="Example: `fovea evaluate digits --picture digits.png`")(digits)
