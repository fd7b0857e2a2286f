// Java's HTTP clients. README.md says what it reads and writes.
import java.io.BufferedReader;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.Base64;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

public final class ClientJava {
  record Answer(int status, String version, byte[] body) {}

  interface Client {
    Answer ask(String[] fields) throws Exception;
  }

  static SSLContext trusting(String ca) throws Exception {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    try (InputStream input = Files.newInputStream(Path.of(ca))) {
      store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(input));
    }
    TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(store);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, trust.getTrustManagers(), null);
    return context;
  }

  static Client httpClient(String url, String ca, String version) throws Exception {
    HttpClient client = HttpClient.newBuilder()
        .version(version.equals("2") ? HttpClient.Version.HTTP_2 : HttpClient.Version.HTTP_1_1)
        .sslContext(trusting(ca)).build();
    return fields -> {
      HttpRequest.BodyPublisher body = BodyPublishers.noBody();
      if (!fields[2].equals("-")) {
        byte[] data = Files.readAllBytes(Path.of(fields[2]));
        body = fields[3].contains("chunked") ? BodyPublishers.ofInputStream(() -> new java.io.ByteArrayInputStream(data))
            : BodyPublishers.ofByteArray(data);
      }
      HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url + fields[1])).method(fields[0], body);
      for (int i = 4; i < fields.length; ++i) {
        String[] header = fields[i].split(": ", 2);
        if (header[0].equals("Expect")) request.expectContinue(true);
        else request.header(header[0], header[1]);
      }
      HttpResponse<byte[]> answer = client.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
      return new Answer(answer.statusCode(), answer.version() == HttpClient.Version.HTTP_2 ? "2" : "1.1", answer.body());
    };
  }

  static Client urlConnection(String url, String ca, String version) throws Exception {
    HttpsURLConnection.setDefaultSSLSocketFactory(trusting(ca).getSocketFactory());
    return fields -> {
      HttpURLConnection connection = (HttpURLConnection) URI.create(url + fields[1]).toURL().openConnection();
      connection.setRequestMethod(fields[0]);
      for (int i = 4; i < fields.length; ++i) {
        String[] header = fields[i].split(": ", 2);
        connection.setRequestProperty(header[0], header[1]);
      }
      if (!fields[2].equals("-")) {
        byte[] data = Files.readAllBytes(Path.of(fields[2]));
        connection.setDoOutput(true);
        try (OutputStream output = connection.getOutputStream()) {
          output.write(data);
        }
      }
      int status = connection.getResponseCode();
      try (InputStream input = status < 400 ? connection.getInputStream() : connection.getErrorStream()) {
        return new Answer(status, "1.1", input == null ? new byte[0] : input.readAllBytes());
      }
    };
  }

  public static void main(String[] arguments) throws Exception {
    System.setProperty("sun.net.http.allowRestrictedHeaders", "true");
    Client client = arguments[0].equals("HttpClient") ? httpClient(arguments[1], arguments[2], arguments[3])
        : urlConnection(arguments[1], arguments[2], arguments[3]);
    BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
    for (String line = input.readLine(); line != null; line = input.readLine()) {
      try {
        Answer answer = client.ask(line.split("\t"));
        System.out.println(answer.status() + "\t" + answer.version() + "\t"
            + Base64.getEncoder().encodeToString(answer.body()));
      } catch (Exception error) {
        System.out.println("failed\t" + (error + "").replaceAll("\\s+", " "));
      }
    }
    System.exit(0);
  }
}
