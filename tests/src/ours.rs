//! The reviewed result of a case that differs on purpose from the original's: `NAME.ours.json` beside the case.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::compare::{has_series, is_comment};
use crate::driver::Failure;
use crate::observed::{Items, Observed, REFUSED};
use crate::value::Val;

/// Where ours differs from the original in a case, and why. All else is in the recorded result.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ours {
    /// The reasons and the items that differ for each.
    pub differences: Vec<Difference>,
    /// The event of each note of the original's result, which has the notes without their places.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<String>,
}

/// A reason for which ours differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// The reason, in words.
    pub why: String,
    /// The items that differ for this reason: our value, `{"$missing": true}` for one that it does not have.
    pub items: Map<String, Value>,
}

impl Ours {
    /// Reads the result beside a case; `None` if there is none, because our result is the original's.
    ///
    /// # Errors
    ///
    /// If there is one and it cannot be read.
    pub fn read(path: &Path) -> Result<Option<Self>, Failure> {
        match fs::read_to_string(path) {
            Ok(text) => Ok(Some(serde_json::from_str(&text)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The differences of a play from the original's result, each under the reason that the same item with the same value
    /// has had. Others come under an empty reason, to be filled in by hand. `None` if nothing differs.
    pub fn blessed(before: Option<Self>, original: &Value, got: &Observed) -> Option<Self> {
        let before = before.unwrap_or_default();
        let places = if before.places.is_empty() {
            got.places()
        } else {
            before.places.clone()
        };
        let original = Observed::recorded(original, &places).items();
        let got = got.items();
        let mut reasons: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
        for (item, value) in changed(&original, &got) {
            let value = value.map_or_else(missing, Val::to_json);
            let why = before.reason(item, &value);
            reasons.entry(why).or_default().insert(item.clone(), value);
        }
        let difference = |(why, items): (&str, _)| Difference {
            why: why.to_owned(),
            items,
        };
        (!reasons.is_empty()).then(|| Self {
            differences: reasons.into_iter().map(difference).collect(),
            places,
        })
    }

    fn reason(&self, item: &str, value: &Value) -> &str {
        let same =
            |known: &Value| known == value || Val::of_result(known).same(&Val::of_result(value));
        let mut all = self.differences.iter();
        all.find(|difference| difference.items.get(item).is_some_and(same))
            .map_or("", |difference| &difference.why)
    }

    /// The result that ours must have: the original's with the differences in it.
    pub fn items(&self, original: &Value) -> Items {
        let mut items = Observed::recorded(original, &self.places).items();
        for (item, value) in self.replaced() {
            match value {
                Some(value) => items.insert(item.clone(), value),
                None => items.remove(item),
            };
        }
        let all = items.clone();
        items.retain(|item, _| is_compared(item, &all));
        items
    }

    /// One line for each difference that has no reason, and for each that is none.
    pub fn unexplained(&self, original: &Value) -> Vec<String> {
        let original = Observed::recorded(original, &self.places).items();
        let same = self
            .replaced()
            .filter(|(item, value)| match (value, original.get(*item)) {
                (Some(value), Some(original)) => value.same(original),
                (value, original) => value.is_none() && original.is_none(),
            });
        let mut lines: Vec<_> = same
            .map(|(item, _)| format!("{item} does not differ from the original's"))
            .collect();
        for difference in self
            .differences
            .iter()
            .filter(|each| each.why.trim().is_empty())
        {
            let items = difference.items.keys();
            lines.extend(
                items.map(|item| format!("{item} differs from the original's without a reason")),
            );
        }
        lines
    }

    /// Each item that differs and its value; `None`: ours does not have it.
    fn replaced(&self) -> impl Iterator<Item = (&String, Option<Val>)> {
        let items = self.differences.iter().flat_map(|each| &each.items);
        items.map(|(item, json)| (item, (*json != missing()).then(|| Val::of_result(json))))
    }
}

/// Each item that is new, another or missing, and its value.
fn changed<'a>(
    original: &'a Items,
    got: &'a Items,
) -> impl Iterator<Item = (&'a String, Option<&'a Val>)> {
    let other = got.iter().filter(|(item, value)| {
        let before = original.get(*item);
        before.is_none_or(|before| !before.same(value))
    });
    let gone = original
        .keys()
        .filter(|item| !got.contains_key(*item) && is_compared(item, got))
        .filter(|item| !is_comment(item) || has_series(got, item));
    other
        .map(|(item, value)| (item, Some(value)))
        .chain(gone.map(|item| (item, None)))
}

/// Of a start that is refused, nothing else is compared.
fn is_compared(item: &str, items: &Items) -> bool {
    item == REFUSED || items.get(REFUSED) != Some(&Val::Bool(true))
}

fn missing() -> Value {
    json!({"$missing": true})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn original() -> Value {
        json!({"stats": {"same": 1, "other": 2, "gone": 3}})
    }

    fn got(other: i128) -> Observed {
        let stats = [("same", 1), ("other", other), ("new", 4)];
        let stats = stats.map(|(key, value)| (key.to_owned(), Val::Int(value)));
        Observed {
            stats: stats.into(),
            ..Observed::default()
        }
    }

    #[test]
    fn what_is_blessed_is_what_was_played_and_asks_for_reasons() {
        let ours = Ours::blessed(None, &original(), &got(5)).unwrap();
        assert_eq!(ours.items(&original()), got(5).items());
        assert_eq!(ours.unexplained(&original()).len(), 3);
        assert_eq!(Ours::blessed(None, &json!({}), &Observed::default()), None);
    }

    #[test]
    fn a_reason_stays_with_its_item_and_goes_with_the_difference() {
        let mut ours = Ours::blessed(None, &original(), &got(5)).unwrap();
        ours.differences[0].why = "on purpose".to_owned();
        let again = Ours::blessed(Some(ours.clone()), &original(), &got(5)).unwrap();
        assert_eq!(again.unexplained(&original()), Vec::<String>::new());
        let other = Ours::blessed(Some(ours.clone()), &original(), &got(6)).unwrap();
        assert_eq!(
            other.unexplained(&original()),
            ["stats: other differs from the original's without a reason"]
        );
        let same = Ours::blessed(Some(ours.clone()), &original(), &got(2)).unwrap();
        assert!(!same.differences[0].items.contains_key("stats: other"));
        ours.differences[0].items["stats: other"] = json!(2);
        assert_eq!(
            ours.unexplained(&original()),
            ["stats: other does not differ from the original's"]
        );
    }

    #[test]
    fn of_a_refused_start_nothing_else_is_compared() {
        let refused = Observed {
            startup_error: true,
            ..Observed::default()
        };
        let ours = Ours::blessed(None, &original(), &refused).unwrap();
        assert_eq!(ours.differences[0].items.len(), 1);
        assert_eq!(ours.items(&original()), refused.items());
    }
}
