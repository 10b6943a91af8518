import java.io.*;
import java.nio.file.*;
import org.apache.avro.file.*;
import org.apache.avro.generic.*;
import org.apache.avro.io.*;

public class Read {
  public static void main(String[] none) throws Exception {
    BufferedReader paths = new BufferedReader(new InputStreamReader(System.in));
    for (String path = paths.readLine(); path != null; path = paths.readLine()) {
      StringBuilder out = new StringBuilder("{\"path\":\"" + path + "\",\"datums\":[");
      String error = "";
      try (DataFileReader<Object> file =
               new DataFileReader<>(new File(path), new GenericDatumReader<Object>())) {
        GenericDatumWriter<Object> writer = new GenericDatumWriter<>(file.getSchema());
        String comma = "";
        for (Object datum : file) {
          ByteArrayOutputStream bytes = new ByteArrayOutputStream();
          Encoder encoder = EncoderFactory.get().directBinaryEncoder(bytes, null);
          writer.write(datum, encoder);
          encoder.flush();
          out.append(comma).append('"');
          for (byte b : bytes.toByteArray()) out.append(String.format("%02x", b));
          out.append('"');
          comma = ",";
        }
      } catch (Exception e) { error = e.toString().replaceAll("[\\\\\"\\p{Cntrl}]", "?"); }
      System.out.println(out + "]" + (error.isEmpty() ? "" : ",\"error\":\"" + error + "\"") + "}");
    }
  }
}
