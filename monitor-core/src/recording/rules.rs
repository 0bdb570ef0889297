//! What the configuration says of errors, ready for use.

use std::sync::Arc;

use crate::data::status::TaskStatus;
use crate::errors::Outcome;
use crate::errors::{ErrorParser, ErrorTypeId};
use crate::recording::config::StorageConfig;
use crate::recording::shard::Failure;

/// What the configuration says, ready for use.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) config: StorageConfig,
    pub(crate) parser: Arc<ErrorParser>,
    /// The storage's index of each of the parser's error types; the storage keeps counts of types that left the
    /// configuration.
    pub(crate) indices: Vec<u32>,
}

impl Rules {
    pub(super) fn new(config: StorageConfig, known: &mut Vec<Arc<str>>) -> Self {
        let parser = ErrorParser::new(&config.errors);
        let indices = parser
            .types()
            .iter()
            .map(|name| index_in(known, name))
            .collect();
        Self {
            parser: Arc::new(parser),
            indices,
            config,
        }
    }

    /// Gives a name that the configuration does not know along with the failure.
    pub(super) fn classify<'a>(
        &self,
        outcome: Outcome<'a>,
        expected: &[&str],
    ) -> (Failure, Option<&'a str>) {
        let parser = &self.parser;
        let mut unknown = None;
        let mut named = |name: &'a str| {
            parser.type_id(name).unwrap_or_else(|| {
                unknown = Some(name);
                parser.other()
            })
        };
        let (id, ill) = match outcome {
            Outcome::Error(view) => (parser.parse_view(&view), true),
            Outcome::ErrorType(name) => (named(name), true),
            Outcome::Expected(name) => (named(name), false),
            Outcome::Panic => (parser.panic(), true),
            Outcome::Cancelled | Outcome::Success => (parser.cancelled(), false),
        };
        let ill = ill && !(expected.iter().any(|name| *name == &**parser.name(id)));
        let failure = Failure {
            error_type: self.index(id),
            status: ill.then(|| self.status_of(id)),
        };
        (failure, unknown)
    }

    pub(crate) fn status_of(&self, id: ErrorTypeId) -> TaskStatus {
        self.parser.status_of(id)
    }

    fn index(&self, id: ErrorTypeId) -> u32 {
        self.indices.get(id.index()).copied().unwrap_or_default()
    }
}

fn index_in(known: &mut Vec<Arc<str>>, name: &Arc<str>) -> u32 {
    let at = known.iter().position(|other| other == name);
    let at = at.unwrap_or_else(|| {
        known.push(Arc::clone(name));
        known.len() - 1
    });
    u32::try_from(at).unwrap_or(u32::MAX)
}
