"""Rules of the data cleaner: which values of the raw penguins look wrong, and which values to write instead.

The notebook `clean_data.ipynb` imports this. A rule never changes the data: it returns corrections, one row each,
with the reason in words and numbers. A person decides which of them are right.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

MEASURES = ["Culmen Length (mm)", "Culmen Depth (mm)", "Flipper Length (mm)", "Body Mass (g)"]
FAR = 3
"""Distance, in standard deviations from the mean of the same species and sex, from which a measurement looks wrong."""

Row = dict[str, Any]


def rename(raw: pd.DataFrame) -> pd.DataFrame:
    """Copy the data, with the Latin names in their own column and without the word "penguin". No data is lost."""
    tidy = raw.copy()
    names = raw["Species"].str.extract(r"^(?P<short>\w+) [Pp]enguin \((?P<latin>.+)\)$")
    tidy["Species"] = names["short"]
    tidy.insert(3, "Latin name", names["latin"])
    return tidy


def nests(birds: pd.DataFrame) -> pd.Series:
    """Return the nest of each bird: `N29A1` and `N29A2` of one study, species and island are a pair."""
    nest = birds["Individual ID"].str.extract(r"^(N\d+)A\d$", expand=False)
    return birds["studyName"] + " " + birds["Species"] + " " + birds["Island"] + " " + nest


def missing_sexes(birds: pd.DataFrame) -> list[Row]:
    """Propose a sex for each bird without one: the other sex of its mate, or by its size if the mate has none."""
    nest = nests(birds)
    pairs = birds["Sex"].groupby(nest).agg(lambda sexes: "/".join(sorted(sexes.dropna())))
    mixed, known = int((pairs == "FEMALE/MALE").sum()), int(pairs.str.contains("/").sum())
    found = []
    for i in birds.index[birds["Sex"].isna()]:
        mate = birds[(nest == nest[i]) & (birds.index != i)].iloc[0]
        measured = bool(birds.loc[i, MEASURES].notna().all())
        if pd.notna(mate["Sex"]):
            sex = "MALE" if mate["Sex"] == "FEMALE" else "FEMALE"
            why = f"its mate {mate['Individual ID']} is {mate['Sex']}; {mixed} of {known} known pairs are one of each"
            why += "" if measured else "; the bird itself was never measured"
        else:
            sex, distances = by_size(birds, i)
            why = "its mate has no sex either; distance to the average " + ", ".join(
                f"{name.lower()} {distance:.1f}" for name, distance in distances.items()
            )
        found.append(correction(birds, i, "Sex", sex, why))
    return found


def by_size(birds: pd.DataFrame, i: int) -> tuple[str, dict[str, float]]:
    """Return the sex whose average bird of the same species is nearer in all four measurements, and both distances."""
    kin = birds[birds["Species"] == birds.loc[i, "Species"]].groupby("Sex")[MEASURES]
    spread = kin.std().mean()
    distances = {
        str(sex): float((((birds.loc[i, MEASURES].astype(float) - average) / spread) ** 2).sum() ** 0.5)
        for sex, average in kin.mean().iterrows()
    }
    return min(distances, key=distances.__getitem__), distances


def far_off(birds: pd.DataFrame) -> list[Row]:
    """Propose to delete each measurement that is far from the mean of its species and sex."""
    kin = birds.groupby(["Species", "Sex"])[MEASURES]
    average = kin.transform("mean")
    distance = (birds[MEASURES] - average) / kin.transform("std")
    found = []
    for i in birds.index:
        for column in MEASURES:
            if abs(distance.loc[i, column]) > FAR:
                bird = birds.loc[i]
                side = "above" if distance.loc[i, column] > 0 else "below"
                why = (
                    f"{abs(distance.loc[i, column]):.1f} standard deviations {side} the {bird['Species']} "
                    f"{bird['Sex'].lower()}s, whose mean is {average.loc[i, column]:.1f}"
                )
                found.append(correction(birds, i, column, None, why))
    return found


def correction(birds: pd.DataFrame, i: int, column: str, new: str | None, why: str) -> Row:
    """Make one row of the proposal."""
    return {
        "row": int(i),
        "bird": name_of(birds, i),
        "column": column,
        "old": cell(birds, i, column),
        "new": new,
        "why": why,
    }


def name_of(birds: pd.DataFrame, i: int) -> str:
    """Return the name of a bird in its study."""
    return f"{birds.loc[i, 'studyName']} {birds.loc[i, 'Species']} {birds.loc[i, 'Individual ID']}"


def cell(birds: pd.DataFrame, i: int, column: str) -> str | None:
    """Return a cell as text, or None if it is empty."""
    value = birds.loc[i, column]
    return None if pd.isna(value) else f"{value:g}" if isinstance(value, float) else str(value)


def apply(birds: pd.DataFrame, corrections: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Return a corrected copy, and the corrections that do not name the bird or its old value correctly."""
    clean, refused = birds.copy(), []
    for wanted in corrections.astype(object).where(corrections.notna(), None).to_dict("records"):
        i, column = wanted["row"], wanted["column"]
        if (name_of(birds, i), cell(birds, i, column)) != (wanted["bird"], wanted["old"]):
            refused.append(
                f"row {i} is {name_of(birds, i)} with {column} {cell(birds, i, column)}, "
                f"not {wanted['bird']} with {wanted['old']}"
            )
            continue
        new = wanted["new"]
        clean.loc[i, column] = new if new is None or column == "Sex" else float(new)
    return clean, refused
