//! The committed code of `examples/proto/greet.proto`: what its generator makes of it today.
//!
//! The code is committed so that a build needs neither `protoc` nor a build script. After a change of the definitions, or of the
//! generator's version, write it again: `PROTO=overwrite cargo test -p monitor-tests --test proto`.

use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context, Result, ensure};

const COMMITTED: &str = "greet.rs";

fn definitions() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/proto")
}

/// The code that the generator makes of `greet.proto`.
fn generate() -> Result<String> {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("proto");
    fs::create_dir_all(&out)?;
    let set = protox::compile(["greet.proto"], [definitions()])?;
    tonic_prost_build::configure()
        .out_dir(&out)
        .compile_fds(set)?;
    Ok(fs::read_to_string(out.join(COMMITTED))?)
}

#[test]
fn the_committed_code_is_that_of_the_definitions() -> Result<()> {
    let generated = generate()?;
    let committed = definitions().join(COMMITTED);
    if env::var_os("PROTO").is_some_and(|value| value == "overwrite") {
        fs::write(&committed, &generated)?;
    }
    let text = fs::read_to_string(&committed).context("no committed code")?;
    ensure!(
        text == generated,
        "{COMMITTED} is not that of greet.proto: PROTO=overwrite writes it"
    );
    Ok(())
}
