//! The warp service: what clients are answered, and what the page beside its own routes says about it.

use crate::process::{Service, get, request};

#[test]
fn the_page_beside_the_routes_counts_their_requests() {
    let service = Service::start("warp_service");
    let to = service.address;
    assert_eq!(service.monitor, to);
    assert_eq!(get(to, "/words/whale").body, "5");
    let statuses = [
        get(to, "/words/whale/2").status,
        get(to, "/some/path").status,
        request(to, "POST", "/words/whale", "").status,
    ];
    assert_eq!(statuses, [404, 404, 405]);
    service.wait_for_metrics([
        "service_requests_total{method=\"GET /words/{word}\"} 2",
        "service_request_errors_total{method=\"GET /words/{word}\",type=\"http_404\"} 1",
        "service_request_errors_total{method=\"GET (unmatched)\",type=\"http_404\"} 1",
        "service_request_errors_total{method=\"POST /words/{word}\",type=\"http_405\"} 1",
        // That of the page itself.
        "service_requests_in_flight{method=\"GET /metrics\"} 1",
    ]);
    assert_eq!(service.page("/livez").status, 200);
    assert_eq!(service.page("/readyz").status, 200);
    // Of a mounted server the open routes alone are there.
    assert_eq!(service.page("/health").status, 404);
    service.terminate();
    assert!(service.wait().success());
}
