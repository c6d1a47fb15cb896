"""results.csv, as it came, into the columns of evidence: setting, arm, seed, metric, value."""

import pandas as pd

import faeval as fe

ARMS = {
    "kNN": fe.Arm(model="kNN", scaled=False),
    "kNN + scaler": fe.Arm(model="kNN", scaled=True),
    "RF": fe.Arm(model="RF", scaled=False),
    "RF + scaler": fe.Arm(model="RF", scaled=True),
}

table = pd.read_csv("results.csv")
table["arm"] = table["Classifier"].map(lambda name: ARMS[name].label)
table["value"] = table["acc (%)"] / 100
# The five folds of a repetition share their training data: they are no replicates. One number for
# each arm and seed.
evidence = (
    table.groupby(["arm", "rep"], as_index=False)["value"].mean().rename(columns={"rep": "seed"})
)
evidence = evidence.assign(setting="wine", metric="accuracy")[
    ["setting", "arm", "seed", "metric", "value"]
]
evidence.to_csv("evidence.csv", index=False)
