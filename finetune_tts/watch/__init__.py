"""How is it going? The live page of a run, made from what lies in its folder."""
