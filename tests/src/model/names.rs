//! Who owns a family where names collide: the page as ours makes it, from what is there at a scrape.

use super::Model;
use super::keys::{self, Source};
use super::points::Means;
use super::registry::{Cell, Counts, Kind, Raised, Writing};
use crate::kinds::Id;
use crate::page::Page;

/// What of a key is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Plane {
    /// A number of the configuration.
    Info,
    /// A number under a key.
    Value,
    /// A mean over a window.
    Mean,
    /// A mean over the last five.
    LastMean,
    /// A histogram.
    Histogram,
}

impl Plane {
    /// What its families' names begin with.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::Info => "",
            Self::Value => "stats_",
            Self::Mean => "stats_aggregation_",
            Self::LastMean => "stats_aggregation_last_",
            Self::Histogram => "stats_hist_",
        }
    }

    /// The help text of a family.
    pub(crate) fn help(self, name: &str) -> String {
        if self == Self::Histogram {
            format!("this is hist metric `{name}` in stats from MonitorServers")
        } else {
            format!("This is metric `{name}` from MonitorServer.")
        }
    }
}

impl Model<'_> {
    /// The child of a key in the original's registry; made if need be.
    ///
    /// # Errors
    ///
    /// If the original cannot make it.
    pub(crate) fn cell(
        &mut self,
        plane: Plane,
        source: &Source,
        raw: &str,
        kind: Kind,
    ) -> Result<&mut Cell, Raised> {
        let key = keys::read(source, raw, self.ours);
        let found_under = format!("{}{}", plane.prefix(), keys::sanitised(&key.name));
        let (keeps_count, keeps_names) = (self.ours(Id::S1), self.ours(Id::W1));
        if self.registry.get(&found_under).is_none() {
            let names: Vec<_> = key.labels.iter().map(|(label, _)| label.clone()).collect();
            if plane == Plane::Histogram && names.iter().any(|name| name == "le") {
                return Err(Raised);
            }
            self.registry
                .create(
                    &found_under,
                    &found_under,
                    kind,
                    &plane.help(&key.name),
                    names,
                )?
                .of_key = true;
        }
        let family = self.registry.get(&found_under).ok_or(Raised)?;
        let same_names = family
            .label_names
            .iter()
            .eq(key.labels.iter().map(|(label, _)| label));
        let labels = match family.label_names.len() == key.labels.len() {
            false if keeps_count => key.labels,
            false => return Err(Raised),
            true if same_names || keeps_names => key.labels,
            true => family
                .label_names
                .iter()
                .cloned()
                .zip(key.labels.into_iter().map(|(_, value)| value))
                .collect(),
        };
        Ok(family.child(labels))
    }

    /// Sets the gauge of a key.
    pub(crate) fn set_gauge(
        &mut self,
        plane: Plane,
        source: &Source,
        raw: &str,
        value: f64,
    ) -> Result<(), Raised> {
        if !self.can_set(plane, source, raw) {
            return Err(Raised);
        }
        *self.cell(plane, source, raw, Kind::Gauge)? = Cell::Number(value);
        Ok(())
    }

    /// Whether what is found under a key is a gauge.
    fn can_set(&mut self, plane: Plane, source: &Source, raw: &str) -> bool {
        let name = keys::sanitised(&keys::read(source, raw, self.ours).name);
        self.registry
            .get(&format!("{}{name}", plane.prefix()))
            .is_none_or(|family| family.kind == Kind::Gauge)
    }

    /// Makes the histogram of a key, and gives it.
    pub(crate) fn make_histogram(
        &mut self,
        source: &Source,
        raw: &str,
    ) -> Result<&mut Counts, Raised> {
        let bounds = keys::bucket_bounds(source, raw, self.ours).ok_or(Raised)?;
        if self.ours(Id::Collide) {
            let there = self
                .histograms
                .iter()
                .position(|(of, key, _)| of == source && key == raw);
            let at = there.unwrap_or_else(|| {
                self.histograms
                    .push((source.clone(), raw.to_owned(), Counts::empty(bounds)));
                self.histograms.len() - 1
            });
            return Ok(&mut self.histograms[at].2);
        }
        match self.cell(Plane::Histogram, source, raw, Kind::Histogram(bounds))? {
            Cell::Histogram(counts) => Ok(counts),
            Cell::Number(_) => Err(Raised),
        }
    }

    /// Observes a value in the histogram of a key.
    pub(crate) fn observe(&mut self, source: &Source, raw: &str, value: f64) -> Result<(), Raised> {
        let nan = self.ours(Id::W10) && value.is_nan();
        let negative = self.ours(Id::W11) && value < 0.0;
        if nan || negative && *source == Source::User {
            return Ok(());
        }
        let counts = self.make_histogram(source, raw)?;
        if !negative {
            counts.observe(value);
        }
        Ok(())
    }

    /// The page where no key can break a family: each is placed when it first appears, in the order of ours.
    pub(crate) fn page_by_book(&mut self, writing: Writing<'_>) -> Result<Page, Raised> {
        let mut page = self.registry.clone();
        for export in self.exported() {
            let key = keys::read(&export.source, &export.raw, self.ours);
            let mut labels = key.labels;
            labels.sort();
            let family = if export.built_in {
                format!("{}{}", export.plane.prefix(), keys::sanitised(&key.name))
            } else {
                self.book.place(
                    export.plane,
                    &export.source,
                    &export.raw,
                    &key.name,
                    &labels,
                )
            };
            let named = if family.starts_with("stats_key_") {
                &export.raw
            } else {
                &key.name
            };
            // The original finds some built-in families under a key that is not their name.
            let found_under = format!("family {family}");
            if page.get(&found_under).is_none() {
                page.create(
                    &found_under,
                    &family,
                    export.cell.kind(),
                    &self.help_of(export.plane, named),
                    Vec::new(),
                )?;
            }
            *page.get(&found_under).ok_or(Raised)?.child(labels) = export.cell;
        }
        Ok(page.page(writing))
    }

    fn help_of(&self, plane: Plane, name: &str) -> String {
        let info = self
            .info
            .iter()
            .find(|info| plane == Plane::Info && info.name == name);
        info.map_or_else(|| plane.help(name), |info| info.help.clone())
    }

    /// All that is exported by key, in the order of ours.
    fn exported(&self) -> Vec<Export> {
        let number = |plane, raw: &str, value: f64, built_in| Export {
            plane,
            source: Source::User,
            raw: raw.to_owned(),
            cell: Cell::Number(value),
            built_in,
        };
        let mut all: Vec<_> = self
            .info
            .iter()
            .map(|info| number(Plane::Info, &info.name, info.value, false))
            .collect();
        all.extend(
            self.counts
                .iter()
                .map(|(raw, value)| number(Plane::Value, raw, *value, true)),
        );
        let means = self.windows.means(self.ours);
        // Method by method, by name; within one in the order of first use.
        let mut known: Vec<_> = self.windows.keys().cloned().collect();
        known.sort_by(|a, b| a.0.cmp(&b.0));
        for (source, raw) in known.iter().filter(|(source, _)| *source != Source::User) {
            all.extend(self.export_histogram(source, raw));
            all.extend(export_means(&means, source, raw));
        }
        let values = self
            .stats
            .iter()
            .filter(|(raw, _)| !matches!(raw.as_str(), "tasks" | "stats"));
        all.extend(
            values
                .filter_map(|(raw, value)| Some(number(Plane::Value, raw, value.number()?, false))),
        );
        for (source, raw, _) in self
            .histograms
            .iter()
            .filter(|(source, ..)| *source == Source::User)
        {
            all.extend(self.export_histogram(source, raw));
        }
        for (source, raw) in known.iter().filter(|(source, _)| *source == Source::User) {
            all.extend(export_means(&means, source, raw));
        }
        all
    }

    fn export_histogram(&self, source: &Source, raw: &str) -> Option<Export> {
        let (.., counts) = self
            .histograms
            .iter()
            .find(|(of, key, _)| of == source && key == raw)?;
        Some(export(
            Plane::Histogram,
            source,
            raw,
            Cell::Histogram(counts.clone()),
        ))
    }
}

/// One series of a key.
struct Export {
    plane: Plane,
    source: Source,
    raw: String,
    cell: Cell,
    /// Whether it belongs to a family no key can own.
    built_in: bool,
}

fn export(plane: Plane, source: &Source, raw: &str, cell: Cell) -> Export {
    let built_in = matches!(source, Source::Call(_)) && raw.starts_with("time full___method__");
    Export {
        plane,
        source: source.clone(),
        raw: raw.to_owned(),
        cell,
        built_in,
    }
}

fn export_means(means: &Means, source: &Source, raw: &str) -> Vec<Export> {
    let (window, last) = means
        .get(&(source.clone(), raw.to_owned()))
        .copied()
        .unwrap_or_default();
    let planes = [(Plane::Mean, window), (Plane::LastMean, last)];
    planes
        .into_iter()
        .filter_map(|(plane, mean)| Some(export(plane, source, raw, Cell::Number(mean?))))
        .collect()
}
