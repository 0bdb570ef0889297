//! The sources of the page, in the order in which they are joined.
//!
//! A style sheet comes after the ones that it overrides. Scripts share one scope, and `main.js` starts the page: it is
//! the last.

/// The document at `/`.
pub(super) const SHELL: &str = include_str!("../../page/index.html");

/// The icon in the tab.
pub(super) const ICON: &str = include_str!("../../page/icon.svg");

/// Everything that has colours, sizes and places.
pub(super) const STYLES: &[&str] = &[
    include_str!("../../page/style/tokens.css"),
    include_str!("../../page/style/frame.css"),
    include_str!("../../page/style/verdict.css"),
    include_str!("../../page/style/table.css"),
    include_str!("../../page/style/plot.css"),
    include_str!("../../page/style/screens.css"),
];

/// The modules that become one.
pub(super) const SCRIPTS: &[&str] = &[
    include_str!("../../page/script/element.js"),
    include_str!("../../page/script/numbers.js"),
    include_str!("../../page/script/time.js"),
    include_str!("../../page/script/address.js"),
    include_str!("../../page/script/source.js"),
    include_str!("../../page/script/series.js"),
    include_str!("../../page/script/axis.js"),
    include_str!("../../page/script/lane.js"),
    include_str!("../../page/script/plot.js"),
    include_str!("../../page/script/heat.js"),
    include_str!("../../page/script/small.js"),
    include_str!("../../page/script/table.js"),
    include_str!("../../page/script/verdict.js"),
    include_str!("../../page/script/frame.js"),
    include_str!("../../page/script/dialog.js"),
    include_str!("../../page/script/keys.js"),
    include_str!("../../page/script/file.js"),
    include_str!("../../page/script/door.js"),
    include_str!("../../page/script/screens/now.js"),
    include_str!("../../page/script/screens/methods.js"),
    include_str!("../../page/script/screens/method.js"),
    include_str!("../../page/script/screens/inflight.js"),
    include_str!("../../page/script/screens/health.js"),
    include_str!("../../page/script/screens/values.js"),
    include_str!("../../page/script/screens/runtime.js"),
    include_str!("../../page/script/screens/compare.js"),
    include_str!("../../page/script/main.js"),
];
