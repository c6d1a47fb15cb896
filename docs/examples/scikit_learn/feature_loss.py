"""Does a forest stand the loss of features better than a tree? Claims about scikit-learn, on data
that ship with it.

A classifier learns from the breast cancer data (569 patients, 30 measurements each). At test time
30 % of the measurements are missing, at random, and the training mean stands in for them. The seed
draws the split, the classifier's own randomness and what is missing, each from a stream of its own:
both arms of a comparison see the same patients and the same gaps, and a verdict speaks of new
splits of these data.

How it was registered: a pilot on seeds 1000 to 1005 (pilot.csv) set `anticipated` and the number of
seeds, `faeval lock feature_loss.py --pilot pilot.csv` wrote claims.lock, and only then ran seeds 1
to 24:

    faeval verify feature_loss.py
"""

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import BaggingClassifier
from sklearn.model_selection import train_test_split
from sklearn.tree import DecisionTreeClassifier

import faeval as fe


def run(arm, seed):
    """Train the classifier that the arm names, take measurements away, and return its accuracy."""
    split, fit, gaps = np.random.default_rng(seed).spawn(3)
    x, y = load_breast_cancer(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(
        x, y, test_size=0.3, stratify=y, random_state=int(split.integers(2**32))
    )
    model = DecisionTreeClassifier(random_state=int(fit.integers(2**32)))
    if arm["model"] == "forest":
        model = BaggingClassifier(model, n_estimators=25, random_state=int(fit.integers(2**32)))
    model.fit(x_train, y_train)
    missing = gaps.random(x_test.shape) < arm["missing"]
    return {"accuracy": model.score(np.where(missing, x_train.mean(axis=0), x_test), y_test)}


cancer = fe.Experiment(
    "cancer",
    run,
    factors={
        "model": fe.Factor("tree", choices=("tree", "forest"), help="one tree, or 25 bagged ones"),
        "missing": fe.Factor(
            0.0, low=0.0, high=1.0, help="share of the measurements missing at test time"
        ),
    },
    metrics={"accuracy": (0, 1)},
)

tree, forest = fe.Arm(model="tree"), fe.Arm(model="forest")
seeds = 24  # what `faeval plan` asked for, at the spread of the pilot
one_in_fifty = fe.Margin(
    0.02, "one patient in fifty read wrongly: less would change no one's choice of model"
)


def hurt(arm):
    """What missing measurements cost: accuracy with all of them minus that with 30 % missing."""
    return fe.accuracy(arm) - fe.accuracy(arm.but(missing=0.3))


missing_features_hurt_a_tree = fe.Claim(
    "Missing measurements hurt a single tree",
    fe.exceeds(hurt(tree), by=one_in_fifty, anticipated=0.08),
    attributed_to="missing",
    seeds=seeds,
    expect="supported",
)

they_hurt_a_forest_less = fe.Claim(
    "Missing measurements hurt a bagged forest less than a single tree",
    fe.exceeds(hurt(tree), hurt(forest), by=one_in_fifty, anticipated=0.08),
    attributed_to=("missing", "model"),
    requires=missing_features_hurt_a_tree,  # otherwise there is nothing to hurt less than
    seeds=seeds,
    expect="supported",
)

bagging_costs_nothing = fe.Claim(
    "With every measurement there, a bagged forest is no worse than a tree",
    fe.not_below(
        fe.accuracy(forest),
        fe.accuracy(tree),
        by=fe.Margin(0.01, "half of what counts above"),
        anticipated=-0.02,
    ),
    attributed_to="model",
    seeds=seeds,
    expect="supported",
)
