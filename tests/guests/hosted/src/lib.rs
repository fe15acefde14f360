//! hosted: a guest that calls a function of its host, and what it can make of a failure.

hostel_guest::export!(call_host);
hostel_guest::export!(swallow);
hostel_guest::host_function!(fn answer = ("host", "answer"));

/// Passes the input on, and the answer back. When the host fails, so does this, with `host: ` before the payload.
fn call_host(input: Vec<u8>) -> Result<Vec<u8>, Vec<u8>> {
    answer(&input).map_err(|payload| [b"host: ", payload.as_slice()].concat())
}

/// Like `call_host`, but makes light of a failure: a call whose host function failed can succeed.
fn swallow(input: Vec<u8>) -> Result<Vec<u8>, Vec<u8>> {
    Ok(answer(&input).unwrap_or_else(|_| b"swallowed".to_vec()))
}
