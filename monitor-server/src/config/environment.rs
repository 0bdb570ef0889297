//! What the environment says of the server, and what others say there.

use std::ffi::OsString;
use std::fmt;

use super::section::At;
use super::values::{self, expected};
use super::yaml::Value;
use super::{ConfigError, MonitorConfig, Origin};

const LISTEN: &str = "MONITOR_LISTEN";

const PORT: &str = "MONITOR_PORT";

/// How the value of `<NAME>_PORT` begins where Kubernetes sets it for a Service, or Docker for a linked container.
const LINKS: [&str; 3] = ["tcp://", "udp://", "sctp://"];

/// A value of `MONITOR_PORT` that is no setting: the address of something else that is named `monitor`.
#[derive(Debug, Clone)]
pub(super) struct ServiceLink(Value);

impl fmt::Display for ServiceLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(value) = self;
        write!(
            f,
            "environment: `{PORT}`: {value} is passed over: Kubernetes sets it for a Service named `monitor`, and Docker \
             for a container linked under that name"
        )
    }
}

impl MonitorConfig {
    /// Takes over `MONITOR_LISTEN` (an IP address, with or without a port, or `unix:/path`) and `MONITOR_PORT` where they
    /// are set and not blank. No other variable is read.
    ///
    /// Kubernetes sets `MONITOR_PORT` too, in all containers of a namespace that has a Service named `monitor`, and so
    /// does Docker's `--link`. Such a value (`tcp://10.3.240.11:9999`, also `udp://` and `sctp://`) is passed over, and
    /// [`run`](crate::run) logs a warning.
    ///
    /// # Errors
    ///
    /// A variable holds no address or no port, or is no UTF-8.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_server::MonitorConfig;
    ///
    /// // The environment of this process has neither variable.
    /// let config = MonitorConfig::default().port(9998).with_env()?;
    /// assert_eq!(config.address().port(), 9998);
    /// # Ok::<(), monitor_server::ConfigError>(())
    /// ```
    pub fn with_env(self) -> Result<Self, ConfigError> {
        self.with_variables(|name| std::env::var_os(name))
    }

    pub(super) fn with_variables(
        mut self,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, ConfigError> {
        if let Some(value) = given(LISTEN, &variable)? {
            self.set_listen(values::listen(&at(LISTEN), &Value::Text(value))?);
        }
        self.service_link = None;
        if let Some(text) = given(PORT, &variable)? {
            let is_link = LINKS.iter().any(|scheme| text.starts_with(scheme));
            let value = Value::Text(text);
            if is_link {
                self.service_link = Some(ServiceLink(value));
            } else {
                self.port = values::port(&at(PORT), &value)?;
            }
        }
        Ok(self)
    }

    /// What was not taken, and is worth an operator's look.
    pub(crate) fn warnings(&self) -> impl Iterator<Item = String> {
        self.service_link.iter().map(ToString::to_string)
    }
}

fn at(name: &str) -> At<'static> {
    At::named(&Origin::Environment, name)
}

/// What a variable says, without the blanks around it. A blank one says nothing: that is how templates leave a variable out.
fn given(
    name: &str,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<String>, ConfigError> {
    let Some(value) = variable(name) else {
        return Ok(None);
    };
    let value = value.into_string().map_err(|value| {
        let shown = value.as_encoded_bytes().escape_ascii().to_string();
        at(name).invalid(expected::UTF8, &Value::Text(shown))
    })?;
    let value = value.trim();
    Ok((!value.is_empty()).then(|| value.to_owned()))
}
