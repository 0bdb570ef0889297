//! Format and encoding by quality, as RFC 9110 (section 12.5) has it, out of the two formats there are.

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
const OPEN: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What an entry of `Accept` says of a format: how closely it describes it, its quality, how names are to be escaped.
#[derive(Debug, Clone, Copy)]
struct Said<'a> {
    rank: u8,
    quality: f64,
    escaping: Option<&'a str>,
}

/// The content type of the best format. A tie goes to `OpenMetrics` where it is named.
pub(crate) fn best(accept: &str) -> String {
    let said = |media, any, version| {
        strongest(
            accept
                .split(',')
                .filter_map(|entry| says(entry, media, any, version)),
        )
    };
    let open = said("application/openmetrics-text", "application/*", "1.0.0");
    let text = said("text/plain", "text/*", "0.0.4").map_or(0.0, |said| said.quality);
    match open {
        Some(open)
            if open.quality > text
                || (open.quality > 0.0 && open.quality >= text && open.rank > 0) =>
        {
            let escaping = open.escaping.map(|escaping| match escaping {
                "allow-utf-8" | "dots" | "values" => format!("; escaping={escaping}"),
                _ => "; escaping=underscores".to_owned(),
            });
            format!("{OPEN}{}", escaping.unwrap_or_default())
        }
        _ => TEXT.to_owned(),
    }
}

fn says<'a>(entry: &'a str, media: &str, any: &str, version: &str) -> Option<Said<'a>> {
    let mut parts = entry.split(';').map(str::trim);
    let named = parts.next()?.to_lowercase();
    let params: Vec<_> = parts.filter_map(|param| param.split_once('=')).collect();
    let param = |name: &str| {
        params
            .iter()
            .find(|(known, _)| known.trim().eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    };
    let rank = match param("version") {
        _ if named == "*/*" => 0,
        _ if named == any => 1,
        _ if named != media => return None,
        Some(said) if said == version => 4,
        None => 3,
        Some(_) => 2,
    };
    Some(Said {
        rank,
        quality: param("q").map_or(Some(1.0), |q| q.parse().ok())?,
        escaping: param("escaping"),
    })
}

fn strongest<'a>(all: impl Iterator<Item = Said<'a>>) -> Option<Said<'a>> {
    all.reduce(|best, said| {
        if (said.rank, said.quality) > (best.rank, best.quality) {
            said
        } else {
            best
        }
    })
}

/// Whether gzip is taken, and not liked less than no encoding.
pub(crate) fn takes_gzip(encodings: &str) -> bool {
    let quality = |wanted: &[&str]| {
        let said = encodings.split(',').filter_map(|entry| {
            let mut parts = entry.split(';').map(str::trim);
            let named = parts.next()?.to_lowercase();
            let quality = parts
                .find_map(|param| param.strip_prefix("q="))
                .map_or(Some(1.0), |q| q.parse::<f64>().ok())?;
            wanted.contains(&named.as_str()).then_some(quality)
        });
        said.reduce(f64::max)
    };
    let gzip = quality(&["gzip", "x-gzip"])
        .or_else(|| quality(&["*"]))
        .unwrap_or(0.0);
    gzip > 0.0 && quality(&["identity"]).is_none_or(|identity| gzip >= identity)
}
