//! The score interval of a share (Wilson 1927, *Probable inference, the law of succession, and statistical inference*).

/// The quantile of the normal distribution for 95 % on one side.
const Z: f64 = 1.64;

/// The upper bound of a share of which `bad` of `calls` were seen; 1 without a call.
pub(super) fn upper(bad: f64, calls: f64) -> f64 {
    if calls <= 0.0 {
        return 1.0;
    }
    ((bad + Z * Z / 2.0 + half_width(bad, calls)) / (calls + Z * Z)).min(1.0)
}

/// The lower bound; 0 without a call.
pub(super) fn lower(bad: f64, calls: f64) -> f64 {
    if calls <= 0.0 {
        return 0.0;
    }
    ((bad + Z * Z / 2.0 - half_width(bad, calls)) / (calls + Z * Z)).max(0.0)
}

fn half_width(bad: f64, calls: f64) -> f64 {
    Z * ((bad * (calls - bad)).max(0.0) / calls + Z * Z / 4.0).sqrt()
}
