"""Train several systems, one after the other, as the process that the environment says this is.

LOCAL_RANK, MASTER_ADDR and MASTER_PORT tell Lightning that others were started beside it. The file
that is given holds a list of {name, configs, exp, options}; a line says when each begins and ends.
"""

import json
import sys

import torch

from sslse.systems.tokenizer_search import search
from sslse.systems.training import train


def choose(logits, tau, hard):
    """Gumbel softmax without noise, which is drawn on the device by every process for itself."""
    soft = (logits / tau).softmax(-1)
    one = torch.nn.functional.one_hot(soft.argmax(-1), soft.shape[-1]).to(soft)
    return one + soft - soft.detach()


def main() -> None:
    torch.nn.functional.gumbel_softmax = choose
    for job in json.load(open(sys.argv[1])):
        print("begin", job["name"], flush=True)
        start = {"seed": 3, "save_every": 3, "overrides": job["options"]}
        if job["name"] == "search":
            grid = {"thetas": [0.5, 0.7], "deltas": [0.9], "first_theta": 0.5}
            search(job["configs"], job["exp"], **grid, **start)
        else:
            train(job["configs"], job["exp"], average_best=0, **start)
        print("end", job["name"], flush=True)


if __name__ == "__main__":
    main()
