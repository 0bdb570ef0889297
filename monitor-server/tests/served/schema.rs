//! Answers of the API against `docs/api.schema.json`.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::fs;
use std::path::Path;

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::Value;

const PLACE: &str = "http://localhost/api.schema.json";

/// The schema of each endpoint.
pub(crate) struct ApiSchema {
    schemas: Schemas,
    compiler: Compiler,
}

/// The text of a file under `docs/`.
pub(crate) fn document(name: &str) -> String {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    fs::read_to_string(docs.join(name)).expect("a document")
}

impl ApiSchema {
    /// The documented schema, but a field that it does not name is an error: readers may ignore it, docs may not.
    pub(crate) fn strict() -> Self {
        let mut schema = serde_json::from_str(&document("api.schema.json")).expect("JSON");
        forbid_unknown(&mut schema, "");
        let mut compiler = Compiler::new();
        compiler.add_resource(PLACE, schema).expect("a schema");
        Self {
            schemas: Schemas::new(),
            compiler,
        }
    }

    fn index(&mut self, name: &str) -> SchemaIndex {
        let place = format!("{PLACE}#/$defs/{name}");
        let compiled = self.compiler.compile(&place, &mut self.schemas);
        compiled.unwrap_or_else(|error| panic!("{name}: {error:#}"))
    }

    /// Panics unless the answer is valid.
    #[track_caller]
    pub(crate) fn check(&mut self, name: &str, answer: &Value) {
        let index = self.index(name);
        if let Err(error) = self.schemas.validate(answer, index) {
            let start: String = answer.to_string().chars().take(2000).collect();
            panic!("{name}: {error:#}\n{start}");
        }
    }

    /// Whether it is valid.
    pub(crate) fn is_valid(&mut self, name: &str, answer: &Value) -> bool {
        let index = self.index(name);
        self.schemas.validate(answer, index).is_ok()
    }
}

/// The envelope stands within other objects, so fields beside its own are none of its business.
fn forbid_unknown(schema: &mut Value, name: &str) {
    match schema {
        Value::Object(members) => {
            for (key, value) in members.iter_mut() {
                forbid_unknown(value, key);
            }
            if name != "envelope"
                && members.get("properties").is_some_and(Value::is_object)
                && members.get("type").is_some_and(|kind| kind == "object")
            {
                members.insert("unevaluatedProperties".into(), false.into());
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| forbid_unknown(item, "")),
        _ => {}
    }
}

/// All names of fields that the schema has.
pub(crate) fn field_names(schema: &Value) -> Vec<String> {
    let mut names = Vec::new();
    match schema {
        Value::Object(members) => {
            if let Some(Value::Object(properties)) = members.get("properties") {
                names.extend(properties.keys().cloned());
            }
            names.extend(members.values().flat_map(field_names));
        }
        Value::Array(items) => names.extend(items.iter().flat_map(field_names)),
        _ => {}
    }
    names
}
