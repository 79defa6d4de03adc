"""Fits a learner of scikit-learn, openTSNE or umap-learn on MNIST, for ../learners.mjs.

    python3 learners.py folder task library rows
"""

import glob
import gzip
import json
import resource
import sys
import time
import warnings

import numpy as np

warnings.filterwarnings("ignore")
folder, task, library, rows = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])


def read(part, kind, skip):
    path = sorted(glob.glob(f"{folder}/{part}-{kind}*"))[0]
    with (gzip.open if path.endswith(".gz") else open)(path) as file:
        return np.frombuffer(file.read(), np.uint8, offset=skip)


x = read("train", "images", 16).reshape(-1, 784)[:rows] / 255.0
y = read("train", "labels", 8)[:rows]
x_test = read("t10k", "images", 16).reshape(-1, 784)[:2000] / 255.0
y_test = read("t10k", "labels", 8)[:2000]


def logistic(labels):
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss

    model = LogisticRegression(max_iter=1000)
    return lambda: model.fit(x, labels), lambda: log_loss(labels, model.predict_proba(x)) + (
        model.coef_**2
    ).sum() / (2 * len(x))


def make():
    if task == "softmax":
        return logistic(y)
    if task == "logistic":
        return logistic((y < 5).astype(int))
    if task == "ridge":
        from sklearn.linear_model import Ridge

        model = Ridge()
        return lambda: (model.fit(x, y), model.score(x, y)), lambda: model.score(x, y)
    if task == "neighbors":
        from sklearn.neighbors import KNeighborsClassifier

        model = KNeighborsClassifier(n_jobs=2)
        return lambda: model.fit(x, y).score(x_test, y_test), lambda: model.score(x_test, y_test)
    if task == "pca":
        from sklearn.decomposition import PCA

        model = PCA(50)
        return lambda: model.fit(x), lambda: model.explained_variance_ratio_.sum()
    if task == "svm":
        from sklearn.svm import SVC

        model = SVC()
        return lambda: model.fit(x, y), lambda: len(model.support_)
    if task == "kmeans":
        from sklearn.cluster import KMeans

        model = KMeans(10, random_state=0)
        return lambda: model.fit(x), lambda: model.inertia_
    if task == "bayes":
        from sklearn.naive_bayes import GaussianNB

        model = GaussianNB()
        return lambda: (model.fit(x, y), model.score(x_test, y_test)), lambda: model.score(x_test, y_test)
    if task == "tsne" and library == "openTSNE":
        import openTSNE

        model = openTSNE.TSNE(n_jobs=2, random_state=0)
        found = []
        return lambda: found.append(model.fit(x)), lambda: found[0].kl_divergence
    if task == "tsne":
        from sklearn.manifold import TSNE

        model = TSNE(n_jobs=2, random_state=0)
        return lambda: model.fit(x), lambda: model.kl_divergence_
    from sklearn.manifold import trustworthiness
    import umap

    umap.UMAP(n_epochs=5).fit(x[:5000])  # compiles
    model = umap.UMAP(n_jobs=2)
    return lambda: model.fit(x), lambda: trustworthiness(x[:2000], model.embedding_[:2000])


fit, quality = make()
start, cpu_start = time.perf_counter(), time.process_time()
fit()
seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
modules = {"scikit-learn": "sklearn", "openTSNE": "openTSNE", "umap-learn": "umap"}
print(
    json.dumps(
        {
            "seconds": seconds,
            "cpuSeconds": cpu_seconds,
            "quality": float(quality()),
            "version": __import__(modules[library]).__version__,
            "peakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }
    )
)
