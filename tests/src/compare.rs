//! Where two results differ, as `compare.py` compares.

use crate::observed::Items;

/// One line for each difference between the expected result and the actual one.
pub fn differences(want: &Items, got: &Items) -> Vec<String> {
    let mut lines = Vec::new();
    for (item, wanted) in want {
        match got.get(item) {
            Some(value) if value.same(wanted) => {}
            Some(value) => lines.push(format!("{item} is {value}, not {wanted}")),
            None if is_comment(item) => {}
            None => lines.push(format!("{item} is missing, not {wanted}")),
        }
    }
    for (item, value) in got {
        if !want.contains_key(item) && (!is_comment(item) || has_series(want, item)) {
            lines.push(format!("{item} is extra: {value}"));
        }
    }
    lines
}

/// Whether an item is a line that only describes a family: it is compared where both sides have the family.
pub fn is_comment(item: &str) -> bool {
    parts(item).is_some()
}

/// The place of a comment item and the family it describes.
fn parts(item: &str) -> Option<(&str, &str)> {
    let (place, comment) = item.split_once(": ")?;
    let rest = ["HELP of ", "TYPE of ", "UNIT of "]
        .iter()
        .find_map(|kind| comment.strip_prefix(kind))?;
    Some((place, rest))
}

/// Whether the family of a comment has series on the other side.
fn has_series(items: &Items, comment: &str) -> bool {
    let Some((place, family)) = parts(comment) else {
        return false;
    };
    ["", "_total", "_bucket", "_count", "_sum"]
        .iter()
        .any(|suffix| {
            let series = format!("{place}: {family}{suffix}");
            let labelled = format!("{series}{{");
            let next = items.range(labelled.clone()..).next();
            items.contains_key(&series)
                || next.is_some_and(|(found, _)| found.starts_with(&labelled))
        })
}
