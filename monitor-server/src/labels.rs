//! The labels that every series has, on families that are not the storage's.

use monitor_core::family::{Family, Label};

/// Puts these labels on every series, but for those of a name that a series has itself, as a storage does with its own.
pub(crate) fn add_to_all(families: &mut [Family], labels: &[Label]) {
    if labels.is_empty() {
        return;
    }
    let children = families.iter_mut().flat_map(|family| &mut family.children);
    for child in children {
        let is_new = |label: &&Label| child.labels.iter().all(|own| own.name != label.name);
        let new = labels.iter().filter(is_new);
        let mut all: Vec<Label> = child.labels.iter().chain(new).cloned().collect();
        all.sort_unstable();
        child.labels = all.into();
    }
}

#[cfg(test)]
mod tests {
    use monitor_core::family::{Child, ChildValue, FamilyType};

    use super::*;

    fn labels(labels: &[(&'static str, &str)]) -> Vec<Label> {
        let label = |(name, value): &(&'static str, &str)| Label {
            name: (*name).into(),
            value: (*value).into(),
        };
        labels.iter().map(label).collect()
    }

    #[test]
    fn a_series_own_label_goes_before_one_that_all_have() {
        let own: [&[(&str, &str)]; 3] = [&[], &[("code", "200")], &[("env", "own"), ("z", "1")]];
        let child = |own: &&[(&'static str, &str)]| Child {
            labels: labels(own).into(),
            value: ChildValue::Int(1),
        };
        let mut families = [Family {
            name: "a".into(),
            help: "".into(),
            kind: FamilyType::Gauge,
            unit: None,
            children: own.iter().map(child).collect(),
        }];
        let before = families.clone();
        add_to_all(&mut families, &[]);
        assert_eq!(families, before);
        add_to_all(&mut families, &labels(&[("dc", "fra1"), ("env", "prod")]));
        let found = families[0]
            .children
            .iter()
            .map(|child| child.labels.to_vec());
        let expected = [
            labels(&[("dc", "fra1"), ("env", "prod")]),
            labels(&[("code", "200"), ("dc", "fra1"), ("env", "prod")]),
            labels(&[("dc", "fra1"), ("env", "own"), ("z", "1")]),
        ];
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }
}
