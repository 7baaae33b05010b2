import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.PluginsLoader;

/** One Elasticsearch node in this JVM until it is told to end: TestNode MODULES SETTING=VALUE ... */
public class TestNode {
    public static void main(String[] arguments) throws Exception {
        // The server's own loggers are null without it.
        LogConfigurator.configureESLogging();
        Settings.Builder settings = Settings.builder();
        for (int n = 1; n < arguments.length; n++) {
            String[] told = arguments[n].split("=", 2);
            settings.put(told[0], told[1]);
        }
        Path config = Path.of(settings.get("path.home"), "config");
        // The last argument: the server lies on the class path and is no module, which the loader would look for.
        PluginsLoader modules = PluginsLoader.createPluginsLoader(
            PluginsLoader.loadModulesBundles(Path.of(arguments[0])), Set.of(), Map.of(), false);
        Node node = new Node(
            InternalSettingsPreparer.prepareEnvironment(settings.build(), Map.of(), config, () -> "node"), modules);
        CountDownLatch closed = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                node.close();
            } catch (Exception problem) {
                problem.printStackTrace();
            }
            closed.countDown();
        }));
        node.start();
        closed.await();
    }
}
