"""Claims about numbers that exist already: results.csv, accuracies of a cross-validation that was
run without faeval.

    python convert.py                                  # results.csv -> evidence.csv
    faeval verify scaling.py --evidence evidence.csv   # decides, and runs nothing

There is no experiment here: arms are taken as they are written, and the evidence holds what was
measured. The numbers were there before the claims, so that nothing could be registered: every
verdict says `unregistered`.
"""

import faeval as fe

neighbours = fe.Arm(model="kNN", scaled=False)
forest = fe.Arm(model="RF", scaled=False)


def accuracy(arm):
    """The accuracy of an arm, as the evidence names it."""
    return fe.metric("accuracy", arm)


scaling_helps_neighbours = fe.Claim(
    "Nearest neighbours need scaled inputs",
    fe.exceeds(
        accuracy(neighbours.but(scaled=True)),
        accuracy(neighbours),
        by=fe.Margin(0.05, "nine of 178 wines"),
    ),
    attributed_to="scaled",
)

scaling_changes_no_forest = fe.Claim(
    "A random forest reads the same whether its inputs are scaled or not",
    fe.equivalent(
        accuracy(forest.but(scaled=True)),
        accuracy(forest),
        within=fe.Margin(0.01, "two of 178 wines"),
    ),
    attributed_to="scaled",
)

a_forest_needs_no_scaling_to_win = fe.Claim(
    "A random forest without scaling beats nearest neighbours with it",
    fe.exceeds(
        accuracy(forest),
        accuracy(neighbours.but(scaled=True)),
        by=fe.Margin(0.01, "two of 178 wines"),
    ),
    attributed_to=("model", "scaled"),
)
