//! A request of any method, target and headers: none panics, none gets a page without the token, and a target without a
//! path is refused by the server and left to other filters by a mounted one.
#![no_main]

use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use libfuzzer_sys::fuzz_target;
use monitor_server::fuzzing::{TOKEN, answers};

// A line `METHOD TARGET`, then lines of headers.
fuzz_target!(|data: &[u8]| {
    let Some(request) = request(data) else {
        return;
    };
    let [server, mounted, prefixed] = answers(&request).map(|status| status.as_u16());
    assert!(![server, mounted, prefixed].contains(&500), "{request:?}");
    let target = request.uri();
    if !target.path().starts_with('/') {
        assert_eq!([server, mounted, prefixed], [400, 404, 404], "{request:?}");
        return;
    }
    let is_page = |path: &str| target.path() == path;
    if !has_token(&request) && is_page("/metrics") {
        assert_ne!(server, 200, "{request:?}");
        assert_ne!(mounted, 200, "{request:?}");
    }
    if !has_token(&request) && is_page("/monitor/metrics") {
        assert_ne!(prefixed, 200, "{request:?}");
    }
    // A client from another address gets no page, and the same answer whether there is one or not.
    if target.path().starts_with("/api/v1/") {
        assert!([401, 404, 429].contains(&server), "{request:?}");
    }
});

fn request(data: &[u8]) -> Option<Request<()>> {
    let mut lines = data.split(|byte| *byte == b'\n');
    let first = lines.next()?;
    let space = first.iter().position(|byte| *byte == b' ')?;
    let (method, target) = (&first[..space], &first[space + 1..]);
    let mut request = Request::new(());
    *request.method_mut() = Method::from_bytes(method).ok()?;
    *request.uri_mut() = Uri::try_from(target).ok()?;
    for line in lines.take(64) {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?;
        request.headers_mut().append(name, value);
    }
    Some(request)
}

fn has_token(request: &Request<()>) -> bool {
    let values = request.headers().get_all(AUTHORIZATION).iter();
    let mut values = values.filter_map(|value| value.to_str().ok());
    values.any(|value| value.ends_with(TOKEN))
}
