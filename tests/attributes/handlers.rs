// Handlers of requests, as `functions.rs`.

/// Handlers of requests.
mod handlers {
    use super::macros::{debug_handler, get};
    use super::*;

    #[monitored]
    #[debug_handler]
    async fn above() -> &'static str {
        "x"
    }

    #[debug_handler]
    #[monitored]
    async fn below() -> &'static str {
        "x"
    }

    #[monitored(request_size = text.len(), call = call)]
    #[debug_handler]
    async fn with_arguments(text: String) -> Result<String, String> {
        call.observe(
            "letters",
            f64::from(next(1).map_err(|refused| refused.to_string())?),
        );
        Ok(text)
    }

    #[monitored]
    #[get("/above")]
    async fn route_above() -> &'static str {
        "x"
    }

    #[get("/below")]
    #[monitored]
    async fn route_below() -> &'static str {
        load(1).await.map_or("none", |_| "some")
    }

    #[test]
    fn each_is_recorded() {
        let (_, recorded) = testing::record(|| {
            ready(async {
                (
                    above().await,
                    below().await,
                    with_arguments(String::new()).await,
                )
            })
        });
        recorded.assert_includes([call("above").success(), call("below").success()]);
        assert_eq!(recorded.calls("with_arguments"), 1);
        let _ = (route_above, route_below);
    }
}
