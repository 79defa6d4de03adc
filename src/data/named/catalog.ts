/** Data sets that are downloaded by name. */

/** A file of a set. */
export interface NamedFile {
  /** Its name in the cache. */
  readonly name: string;
  readonly url: string;
  readonly bytes: number;
  /** SHA-256 of its content. */
  readonly sha256: string;
}

/** A data set with a name. */
export interface NamedSet {
  readonly about: string;
  readonly files: readonly NamedFile[];
  /** What is read: the folder of its files, or the only one of them. */
  readonly opens: "folder" | "file";
}

const idx = (
  base: string,
  files: Readonly<Record<string, readonly [bytes: number, sha256: string]>>,
): NamedFile[] =>
  Object.entries(files).map(([name, [bytes, sha256]]) => ({
    ...{ name, bytes, sha256 },
    url: `${base}${name}`,
  }));

/** The sets by name, at their official addresses; sizes and checksums are those of the files there. */
export const namedSets: Readonly<Record<string, NamedSet>> = {
  mnist: {
    about: "handwritten digits, 70 000 gray images of 28 × 28 in 10 classes",
    opens: "folder",
    files: idx("https://storage.googleapis.com/cvdf-datasets/mnist/", {
      "train-images-idx3-ubyte.gz": [
        9912422,
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
      ],
      "train-labels-idx1-ubyte.gz": [
        28881,
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
      ],
      "t10k-images-idx3-ubyte.gz": [
        1648877,
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
      ],
      "t10k-labels-idx1-ubyte.gz": [
        4542,
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
      ],
    }),
  },
  "fashion-mnist": {
    about: "articles of clothing, 70 000 gray images of 28 × 28 in 10 classes",
    opens: "folder",
    files: idx("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/", {
      "train-images-idx3-ubyte.gz": [
        26421880,
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
      ],
      "train-labels-idx1-ubyte.gz": [
        29515,
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
      ],
      "t10k-images-idx3-ubyte.gz": [
        4422102,
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
      ],
      "t10k-labels-idx1-ubyte.gz": [
        5148,
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
      ],
    }),
  },
  cifar10: {
    about: "photographs, 60 000 color images of 32 × 32 in 10 classes",
    opens: "file",
    files: [
      {
        name: "cifar10.tar.gz",
        url: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        bytes: 170052171,
        sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
      },
    ],
  },
  iris: {
    about: "flowers, 150 rows of 4 measures in 3 species",
    opens: "file",
    files: [
      {
        name: "iris.csv",
        url: "https://archive.ics.uci.edu/ml/machine-learning-databases/iris/iris.data",
        bytes: 4551,
        sha256: "6f608b71a7317216319b4d27b4d9bc84e6abd734eda7872b71a458569e2656c0",
      },
    ],
  },
};

/** Their names. */
export const dataNames: readonly string[] = Object.keys(namedSets);
