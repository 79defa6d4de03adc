"""scikit-learn's multilayer perceptron with its defaults on the splits that tabular.mjs wrote.

    python3 examples/tabular/sklearn_mlp.py runs/tabular.json

Inputs are standardised by the training rows, as there. max_iter is 2000, so that it ends by its own rule (no progress in 10 epochs).
"""
import json
import sys
import warnings

import numpy as np
import sklearn
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler


def standardised(x, train, columns):
    y = x.copy()
    y[:, columns] = StandardScaler().fit(x[train][:, columns]).transform(x[:, columns])
    return y


def score(table, test, seed):
    x = np.array(table["inputs"], float).reshape(table["shape"])
    y = np.array(table["targets"])
    train = np.setdiff1d(np.arange(len(x)), test)
    x = standardised(x, train, table["numeric"])
    kind = MLPClassifier if table["classes"] else MLPRegressor
    model = kind(max_iter=2000, random_state=seed)
    model.fit(x[train], y[train])
    return model.score(x[test], y[test])


warnings.simplefilter("error")  # such as one that the training had not converged
print(f"scikit-learn {sklearn.__version__}; accuracy, for abalone R²; mean ± its standard error")
print(f"{'table':10}{'seeds':>6}  {'scikit-learn':17}{'gradus':17}difference")
with open(sys.argv[1]) as file:
    tables = json.load(file)
for name, table in tables.items():
    ours = np.array([run["score"] for run in table["runs"]])
    theirs = np.array([score(table, run["test"], seed) for seed, run in enumerate(table["runs"])])
    shown = lambda x: f"{x.mean():.4f} ± {x.std(ddof=1) / len(x) ** 0.5:.4f}"
    print(f"{name:10}{len(ours):6}  {shown(theirs):17}{shown(ours):17}{shown(ours - theirs)}")
