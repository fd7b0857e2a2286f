<?php
// PHP's HTTP clients. README.md says what it reads and writes.
[, $name, $url, $ca, $version] = $argv;

function lines(array $headers): array {
    $lines = [];
    foreach ($headers as $key => $value) {
        $lines[] = "$key: $value";
    }
    return $lines;
}

function with_curl(string $url, string $ca, string $version): callable {
    $handle = curl_init();
    return function (array $request) use ($handle, $url, $ca, $version): array {
        curl_reset($handle);
        curl_setopt_array($handle, [
            CURLOPT_URL => $url . $request['path'], CURLOPT_CUSTOMREQUEST => $request['method'],
            CURLOPT_CAINFO => $ca, CURLOPT_RETURNTRANSFER => true,
            CURLOPT_HTTP_VERSION => $version === '2' ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1,
            // As it is: by itself it asks `Expect: 100-continue` where a body is large.
            CURLOPT_HTTPHEADER => lines($request['headers']),
        ]);
        if ($request['body'] !== null) {
            curl_setopt($handle, CURLOPT_POSTFIELDS, $request['body']);
        }
        $body = curl_exec($handle);
        if ($body === false) {
            throw new RuntimeException(curl_error($handle));
        }
        $spoken = curl_getinfo($handle, CURLINFO_HTTP_VERSION) === CURL_HTTP_VERSION_2_0 ? '2' : '1.1';
        return [curl_getinfo($handle, CURLINFO_RESPONSE_CODE), $spoken, $body];
    };
}

function with_streams(string $url, string $ca, string $version): callable {
    return function (array $request) use ($url, $ca): array {
        $context = stream_context_create([
            'http' => ['method' => $request['method'], 'header' => lines($request['headers']), 'ignore_errors' => true,
                       'protocol_version' => 1.1, 'content' => $request['body'] ?? ''],
            'ssl' => ['cafile' => $ca],
        ]);
        $http_response_header = [];
        $body = @file_get_contents($url . $request['path'], false, $context);
        if ($body === false || $http_response_header === []) {
            throw new RuntimeException(error_get_last()['message'] ?? 'no answer');
        }
        preg_match('#^HTTP/(\S+) (\d+)#', $http_response_header[0], $found);
        return [(int) $found[2], $found[1], $body];
    };
}

function with_guzzle(string $url, string $ca, string $version): callable {
    require_once 'GuzzleHttp/autoload.php';
    $client = new GuzzleHttp\Client(['verify' => $ca, 'http_errors' => false, 'version' => $version === '2' ? 2.0 : 1.1]);
    return function (array $request) use ($client, $url): array {
        $answer = $client->request($request['method'], $url . $request['path'],
                                   ['headers' => $request['headers'], 'body' => $request['body']]);
        return [$answer->getStatusCode(), $answer->getProtocolVersion(), (string) $answer->getBody()];
    };
}

$ask = ('with_' . $name)($url, $ca, $version);
while (($line = fgets(STDIN)) !== false) {
    [$method, $path, $file, , $fields] = explode("\t", rtrim($line, "\n"), 5) + [4 => ''];
    $headers = [];
    foreach (array_filter(explode("\t", $fields)) as $field) {
        [$key, $value] = explode(': ', $field, 2);
        $headers[$key] = $value;
    }
    $body = $file === '-' ? null : file_get_contents($file);
    try {
        [$status, $spoken, $content] = $ask(['method' => $method, 'path' => $path, 'headers' => $headers, 'body' => $body]);
        echo implode("\t", [$status, $spoken, base64_encode($content)]), "\n";
    } catch (Throwable $error) {
        echo implode("\t", ['failed', preg_replace('/\s+/', ' ', $error->getMessage())]), "\n";
    }
}
