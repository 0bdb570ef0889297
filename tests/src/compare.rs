//! Where two results differ, as `compare.py` compares.

use crate::observed::Items;

/// One line for each difference between the expected result and the actual one.
pub fn differences(want: &Items, got: &Items) -> Vec<String> {
    let mut lines = Vec::new();
    for (item, wanted) in want {
        match got.get(item) {
            Some(value) if value.same(wanted) => {}
            Some(value) => lines.push(format!("{item} is {value}, not {wanted}")),
            None if is_comment(item) && !has_series(got, item) => {}
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

/// Whether the family of a comment has series among these items.
pub fn has_series(items: &Items, comment: &str) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Val;

    fn items(names: &[&str]) -> Items {
        let item = |name: &&str| ((*name).to_owned(), Val::Int(1));
        names.iter().map(item).collect()
    }

    #[test]
    fn a_comment_is_compared_where_the_other_side_has_its_family() {
        const HELP: &str = "exposition: HELP of calls";
        const SERIES: &str = "exposition: calls_total{method=\"Get\"}";
        let both = items(&[HELP, SERIES]);
        let series = items(&[SERIES]);
        assert_eq!(differences(&both, &both), [""; 0]);
        assert_eq!(
            differences(&both, &series),
            [format!("{HELP} is missing, not 1")]
        );
        assert_eq!(differences(&series, &both), [format!("{HELP} is extra: 1")]);
        // A family without series may have its comments or not.
        assert_eq!(differences(&items(&[HELP]), &items(&[])), [""; 0]);
        assert_eq!(differences(&items(&[]), &items(&[HELP])), [""; 0]);
    }
}
