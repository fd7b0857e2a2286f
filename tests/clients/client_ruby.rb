# Ruby's HTTP clients. README.md says what it reads and writes.
require 'net/http'
require 'openssl'
require 'stringio'
require 'uri'

name, url, ca, = ARGV
$stdout.sync = true
Request = Struct.new(:method, :path, :body, :chunked, :headers)

def with_net_http(url, ca)
  uri = URI(url)
  connection = Net::HTTP.new(uri.host, uri.port, nil)
  connection.use_ssl = uri.scheme == 'https'
  connection.ca_file = ca
  connection.max_retries = 0
  connection.keep_alive_timeout = 60
  lambda do |request|
    connection.start unless connection.started?
    connection.continue_timeout = request.headers.key?('Expect') ? 60 : nil
    asked = Net::HTTPGenericRequest.new(request.method, !request.body.nil?, true, request.path, request.headers)
    if request.chunked
      asked['Transfer-Encoding'] = 'chunked'
      asked.body_stream = StringIO.new(request.body)
    else
      asked.body = request.body
    end
    begin
      answer = connection.request(asked)
    rescue StandardError
      connection.finish if connection.started?
      raise
    end
    [answer.code, answer.http_version, answer.body || '']
  end
end

def with_faraday(url, ca)
  require 'faraday'
  client = Faraday.new(url, ssl: { ca_file: ca })
  lambda do |request|
    answer = client.run_request(request.method.downcase.to_sym, request.path, request.body, request.headers)
    [answer.status, '1.1', answer.body]
  end
end

ask = { 'Net::HTTP' => method(:with_net_http), 'faraday' => method(:with_faraday) }.fetch(name).call(url, ca)
$stdin.each_line(chomp: true) do |line|
  method, path, body, flags, *fields = line.split("\t")
  request = Request.new(method, path, body == '-' ? nil : File.binread(body), flags.include?('chunked'),
                        fields.to_h { |field| field.split(': ', 2) })
  begin
    status, spoken, content = ask.call(request)
    puts [status, spoken, [content].pack('m0')].join("\t")
  rescue StandardError => e
    puts ['failed', "#{e.class}: #{e.message}".gsub(/\s+/, ' ')].join("\t")
  end
end
