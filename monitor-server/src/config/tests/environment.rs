//! The environment: variables that are taken, those that others set, and how to leave it out.

use std::ffi::OsString;

use super::*;

/// The settings with these variables on top.
fn with(config: &MonitorConfig, variables: &[(&str, &str)]) -> Result<MonitorConfig, ConfigError> {
    let value = |name: &str| variables.iter().find(|(other, _)| *other == name);
    config
        .clone()
        .with_variables(|name| value(name).map(|(_, value)| OsString::from(value)))
}

fn base() -> MonitorConfig {
    MonitorConfig::from_yaml("{port: 1, listen: 10.0.0.1}").expect("valid")
}

fn address(variables: &[(&str, &str)]) -> String {
    let config = with(&base(), variables).expect("valid");
    config.address().to_string()
}

fn refused(name: &str, value: &str) -> String {
    let error = with(&base(), &[(name, value)]).expect_err(value);
    error.to_string()
}

#[test]
fn the_environment_wins_over_the_file_and_code_over_both() {
    assert_eq!(address(&[]), "10.0.0.1:1");
    assert_eq!(address(&[("MONITOR_PORT", "2")]), "10.0.0.1:2");
    assert_eq!(address(&[("MONITOR_LISTEN", "127.0.0.1")]), "127.0.0.1:1");
    assert_eq!(address(&[("MONITOR_LISTEN", "127.0.0.1:3")]), "127.0.0.1:3");
    assert_eq!(
        address(&[("MONITOR_LISTEN", "127.0.0.1:3"), ("MONITOR_PORT", "4")]),
        "127.0.0.1:4"
    );
    let in_code = with(&base(), &[("MONITOR_PORT", "2")]).expect("valid");
    assert_eq!(in_code.port(5).address().to_string(), "10.0.0.1:5");
}

#[test]
fn a_value_that_is_none_is_refused() {
    assert_eq!(
        refused("MONITOR_PORT", "many"),
        "environment: `MONITOR_PORT`: expected a port number from 0 to 65535, found the text `many`"
    );
    assert_eq!(
        refused("MONITOR_LISTEN", "here"),
        "environment: `MONITOR_LISTEN`: expected an IP address, with or without a port, or `unix:` and an absolute path, found the text `here`"
    );
    for wrong in [
        "70000",
        "-1",
        "1.5",
        "http://10.0.0.1:80",
        "//10.0.0.1:80",
        "tcp:80",
        "tcp",
        ":80",
        "10.0.0.1:80",
    ] {
        assert!(refused("MONITOR_PORT", wrong).contains(wrong), "{wrong}");
    }
    // No service link sets a variable of this name, so its value is meant for the server.
    for wrong in ["tcp://10.3.240.11:9999", ":80", "monitor"] {
        assert!(refused("MONITOR_LISTEN", wrong).contains(wrong), "{wrong}");
    }
}

#[test]
fn a_blank_variable_is_as_none() {
    for blank in ["", " ", "\t", " \r\n"] {
        let variables = [("MONITOR_LISTEN", blank), ("MONITOR_PORT", blank)];
        assert_eq!(address(&variables), "10.0.0.1:1", "{blank:?}");
    }
    let spaced = [("MONITOR_LISTEN", " 127.0.0.1\n"), ("MONITOR_PORT", "\t8 ")];
    assert_eq!(address(&spaced), "127.0.0.1:8");
}

#[cfg(unix)]
#[test]
fn what_is_no_text_is_refused_and_not_mended() {
    use std::os::unix::ffi::OsStringExt;

    for (name, given, shown) in [
        ("MONITOR_PORT", b"99\xff".as_slice(), "99\\xff"),
        (
            "MONITOR_LISTEN",
            b"unix:/run/\xe4.sock",
            "unix:/run/\\xe4.sock",
        ),
    ] {
        let variable = |asked: &str| (asked == name).then(|| OsString::from_vec(given.to_vec()));
        let error = base().with_variables(variable).expect_err("no text");
        let expected =
            format!("environment: `{name}`: expected a text in UTF-8, found the text `{shown}`");
        assert_eq!(error.to_string(), expected);
    }
}

/// The variables that Kubernetes sets for each Service of the namespace, and Docker for a linked container.
#[test]
fn a_link_to_a_service_named_monitor_is_passed_over_with_a_warning() {
    for link in [
        "tcp://10.3.240.11:9999",
        "udp://10.3.240.11:53",
        "sctp://10.3.240.11:132",
        "tcp://[fd00::1]:9999",
        "tcp://172.17.0.5:5432",
        " tcp://10.3.240.11:9999\n",
    ] {
        let config = with(&base(), &[("MONITOR_PORT", link)]).expect(link);
        assert_eq!(config.address().to_string(), "10.0.0.1:1", "{link}");
        let warnings: Vec<_> = config.warnings().collect();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        let said = format!("environment: `MONITOR_PORT`: the text `{}`", link.trim());
        assert!(warnings[0].starts_with(&said), "{warnings:?}");
        // The last reading says it, and once.
        let twice = with(&config, &[("MONITOR_PORT", link)]).expect(link);
        assert_eq!(twice.warnings().count(), 1);
        let mended = with(&config, &[("MONITOR_PORT", "4")]).expect("a port");
        assert_eq!(mended.warnings().count(), 0);
    }
    let none = with(&base(), &[("MONITOR_PORT", "4")]).expect("a port");
    assert_eq!(none.warnings().count(), 0);
}

/// A link to a thing named `monitor`, `monitor-listen` or `monitor-port` sets many more.
#[test]
fn no_other_variable_is_read() {
    let asked = std::cell::RefCell::new(Vec::new());
    let read = base().with_variables(|name| {
        asked.borrow_mut().push(name.to_owned());
        None
    });
    read.expect("nothing is set");
    assert_eq!(asked.into_inner(), ["MONITOR_LISTEN", "MONITOR_PORT"]);
}

#[test]
fn a_file_is_read_without_the_environment_and_on_top_of_what_is_there() {
    let (_folder, file) = Folder::with(
        "service.yaml",
        "port: 80\nMonitorServer: {listen: 127.0.0.1}\nerrors: {FATAL: {service_errors: [oom]}}\n",
    );
    let config = MonitorConfig::default()
        .port(7)
        .max_workers(3)
        .with_file_at(&file, "MonitorServer")
        .expect("valid");
    assert_eq!(config.address().to_string(), "127.0.0.1:7");
    assert_eq!(config.storage_config().expect("valid").max_workers, 3);
    let error = config.with_file(&file).expect_err("not the section");
    let expected = format!("{}:2: `MonitorServer`: unknown key", file.display());
    assert!(error.to_string().starts_with(&expected), "{error}");
}
