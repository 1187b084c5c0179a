/** Certificates that openssl made, and the same with other ends. */

/** UTCTime and, since it ends in 2126, GeneralizedTime. */
export const AUTHORITY = `-----BEGIN CERTIFICATE-----
MIIBgTCCASegAwIBAgIUHxcmVV/YIEISqQOEsCfm5MucLYowCgYIKoZIzj0EAwIw
FTETMBEGA1UEAwwKa3ViZXJuZXRlczAgFw0yNjExMjcwOTA1MDFaGA8yMTI2MTEw
MzA5MDUwMVowFTETMBEGA1UEAwwKa3ViZXJuZXRlczBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABHJjPG7OJwpVxsa7J52W9suXbeQncXiyhayiduDS01JLWY0AkYQi
Hm4ipFkvA6/n1KkgeTqiESO/NfDWJevDgLqjUzBRMB0GA1UdDgQWBBTZmC9O1IY9
MILDYB02e6YA1rjRQTAfBgNVHSMEGDAWgBTZmC9O1IY9MILDYB02e6YA1rjRQTAP
BgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIQDWToW760f1lDwwOxBh
s5dIhqnUh8oYT7tJntuf8qG2yAIgK6S39e42q+m41IcIhkgZ1MssJhPKT6Dw+uRB
XWrax+Y=
-----END CERTIFICATE-----
`;

/** UTCTime alone. */
export const OF_A_YEAR = `-----BEGIN CERTIFICATE-----
MIIBbjCCAROgAwIBAgIUbfMNajWYcIfU8FGicAGGxSMXjZIwCgYIKoZIzj0EAwIw
DDEKMAgGA1UEAwwBeDAeFw0yNjExMjcxMTM2MjFaFw0yNzExMjcxMTM2MjFaMAwx
CjAIBgNVBAMMAXgwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAT/rPuuP8xtCw8Q
tLcUytb+89wnNsu/gXXMXWokp1JKEMZlk2wrFCRyWhqO0J+u3psBlT+CuD2B53NJ
o5Zz7N8Bo1MwUTAdBgNVHQ4EFgQUy6piagZz9mYuwVxO4AUE/g3gRrYwHwYDVR0j
BBgwFoAUy6piagZz9mYuwVxO4AUE/g3gRrYwDwYDVR0TAQH/BAUwAwEB/zAKBggq
hkjOPQQDAgNJADBGAiEAvEJhGgWkrz/+NI7b+1+X6HfOJW/wrzTMCyzlPHy2RhsC
IQCTZRdiJ/HBw2hBC+YTp1bUbHo+KD5KY6wnl6Oy4jed4A==
-----END CERTIFICATE-----
`;

/** One that ends at a time like `271127113621Z`; nobody has signed it. */
export function endingAt(time: string): string {
  const der = atob(OF_A_YEAR.replaceAll(/-----.*-----|\n/g, '')).replace('271127113621Z', time);
  return `-----BEGIN CERTIFICATE-----\n${btoa(der)}\n-----END CERTIFICATE-----\n`;
}
